/* Makes `dialog[data-modal]` modal: the page behind goes quiet, Esc presses its [data-dismiss] button. */
(() => {
  "use strict";

  const WRONG = "[aria-invalid='true'], .choices:has(.errorlist) input:not(:disabled)";
  const FIELDS = "input:not([type='hidden'], [type='radio']:not(:checked)), select, textarea";

  const openModally = (dialog) => {
    if (dialog.matches(":modal")) return;
    dialog.removeAttribute("open");
    dialog.showModal();
    const seen = (selector) => [...dialog.querySelectorAll(selector)].find((one) => one.checkVisibility());
    const inBody = (selector) => seen(`.dialog-body :is(${selector})`);
    (seen("[autofocus]") ?? inBody(WRONG) ?? inBody(FIELDS))?.focus();
  };

  const upgrade = (root) => root.querySelectorAll("dialog[data-modal]").forEach(openModally);

  document.addEventListener("DOMContentLoaded", () => upgrade(document));
  document.addEventListener("htmx:afterSwap", () => upgrade(document));

  document.addEventListener(
    "cancel",
    (event) => {
      const dismiss = event.target.querySelector?.("[data-dismiss]");
      if (!dismiss) return;
      event.preventDefault();
      dismiss.click();
    },
    true,
  );
})();
