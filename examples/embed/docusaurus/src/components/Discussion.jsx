import useDocusaurusContext from '@docusaurus/useDocusaurusContext';

/** A thread. JSX keeps `key` for itself: here it is `data-key`. */
export default function Discussion({ page, title }) {
  const { group } = useDocusaurusContext().siteConfig.customFields.discussions;
  return <pottle-thread key={page} data-group={group} data-key={page} data-title={title} />;
}
