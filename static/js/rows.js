/* Rows of `form[data-list]`: the arrow keys walk, Home and End jump, a double click opens. */
(() => {
  "use strict";

  document.addEventListener("dblclick", (event) => {
    event.target.closest("form[data-list] tbody tr")?.querySelector("[data-open]")?.click();
  });

  document.addEventListener("keydown", (event) => {
    const row = event.target.closest("form[data-list] tbody tr");
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = [...row.parentElement.rows];
    const here = rows.indexOf(row);
    const goal = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (goal === undefined) return;
    const same = event.target.matches(".pick") ? ".pick" : "[data-row-link]";
    rows[goal]?.querySelector(same)?.focus();
    event.preventDefault();
  });
})();
