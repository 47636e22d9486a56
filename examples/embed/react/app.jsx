import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Count, Discussion } from './Discussion.jsx';

const PAGES = { '/moths': 'Moths by lamplight', '/tides': 'What the tide left' };

function App() {
  const [page, setPage] = useState('/moths');
  return (
    <>
      <nav>
        {Object.entries(PAGES).map(([path, title]) => (
          <button key={path} onClick={() => setPage(path)}>{title} (<Count group="blog" page={path} />)</button>
        ))}
      </nav>
      <h1>{PAGES[page]}</h1>
      <Discussion group="blog" page={page} title={PAGES[page]} />
    </>
  );
}

createRoot(document.getElementById('root')).render(<App />);
