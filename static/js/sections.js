/* The edit dialog: shows one section at a time. Without it they stand below each other. */
(() => {
  "use strict";

  const show = (dialog, id) => {
    dialog.querySelectorAll("[data-section]").forEach((section) => {
      section.hidden = section.id !== id;
    });
    dialog.querySelectorAll("[data-show]").forEach((link) => {
      if (link.hash === `#${id}`) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    const kept = dialog.querySelector("[data-kept-section]");
    if (kept) kept.value = id;
  };

  const start = () => {
    document.querySelectorAll("[data-sections]").forEach((dialog) => {
      const sections = [...dialog.querySelectorAll("[data-section]")];
      const wrong = sections.find((section) => section.querySelector(".errorlist"));
      const kept = sections.find((section) => section.id === dialog.querySelector("[data-kept-section]")?.value);
      show(dialog, (wrong ?? kept ?? sections[0]).id);
    });
  };

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-show]");
    if (!link) return;
    event.preventDefault();
    show(link.closest("[data-sections]"), link.hash.slice(1));
  });

  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSwap", start);
})();
