/* Rows of `form[data-list]`: a click picks one, Ctrl adds, Shift extends; the tools know how many are picked. */
(() => {
  "use strict";

  const picks = (list) => [...list.querySelectorAll("tbody .pick")];

  const countTools = (list) => {
    const count = picks(list).filter((pick) => pick.checked).length;
    list.querySelectorAll("[data-needs]").forEach((tool) => {
      tool.disabled = tool.dataset.needs === "one" ? count !== 1 : count === 0;
    });
    list.querySelectorAll("[data-count]").forEach((place) => {
      place.textContent = count ? `${count} selected` : "";
    });
    const all = list.querySelector("[data-pick-all]");
    if (!all) return;
    all.checked = count > 0 && count === picks(list).length;
    all.indeterminate = count > 0 && !all.checked;
  };

  const pickRow = (list, row, event) => {
    const boxes = picks(list);
    const here = boxes.indexOf(row.querySelector(".pick"));
    const from = event.shiftKey && list.lastPick >= 0 ? list.lastPick : here;
    const [low, high] = [Math.min(from, here), Math.max(from, here)];
    boxes.forEach((box, index) => {
      const inside = index >= low && index <= high;
      if (event.ctrlKey || event.metaKey) box.checked = inside ? !box.checked : box.checked;
      else box.checked = inside;
    });
    if (!event.shiftKey) list.lastPick = here;
    boxes[here].dispatchEvent(new Event("change", { bubbles: true }));
  };

  document.addEventListener("click", (event) => {
    const row = event.target.closest("form[data-list] tbody tr");
    if (!row || !row.querySelector(".pick") || event.target.closest("input, label, button, a:not([data-row-link])")) return;
    if (getSelection().type === "Range" && !event.shiftKey) return;
    event.preventDefault();
    pickRow(row.closest("form"), row, event);
  });

  /* In the capture phase: the rows are ticked before anybody reads which are. */
  document.addEventListener(
    "change",
    (event) => {
      const list = event.target.closest("form[data-list]");
      if (!list) return;
      if (event.target.matches("[data-pick-all]")) picks(list).forEach((pick) => (pick.checked = event.target.checked));
      countTools(list);
    },
    true,
  );

  const count = () => document.querySelectorAll("form[data-list]").forEach(countTools);
  document.addEventListener("DOMContentLoaded", count);
  document.addEventListener("htmx:afterSettle", count);
})();
