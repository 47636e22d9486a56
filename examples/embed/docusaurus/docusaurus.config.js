export default {
  title: 'Field notes',
  url: 'https://docs.example',
  baseUrl: '/',
  future: { v4: true, faster: true },
  presets: [['classic', { docs: { routeBasePath: '/', sidebarPath: undefined }, blog: false }]],
  scripts: [{ src: 'https://your-pottle.example/embed.js', type: 'module' }],
  customFields: { discussions: { group: 'blog' } },
};
