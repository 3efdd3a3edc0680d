Promise.all([
  ...Object.entries(payload.charts).map(drawChart),
  ...[...document.querySelectorAll(".explorer")].map(buildExplorer),
]).then(() => document.body.setAttribute("data-ready", "yes"));
