/** The receipt's page: its button prints it. */
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-print]")) window.print();
});
