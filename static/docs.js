/** Shows the API's description without asking any other host: no validator, no fonts, no badges. */
const place = document.querySelector('#docs');

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.openapi,
  validatorUrl: null,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  presets: [window.SwaggerUIBundle.presets.apis],
});
