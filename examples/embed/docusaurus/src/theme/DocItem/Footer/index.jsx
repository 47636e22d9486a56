import { useDoc } from '@docusaurus/plugin-content-docs/client';
import Discussion from '@site/src/components/Discussion';
import Footer from '@theme-original/DocItem/Footer';

/** Below every page whose front matter does not say `discussion: false`. */
export default function FooterWithDiscussion(props) {
  const { frontMatter, metadata } = useDoc();
  return (
    <>
      <Footer {...props} />
      {frontMatter.discussion !== false && <Discussion page={metadata.permalink} title={metadata.title} />}
    </>
  );
}
