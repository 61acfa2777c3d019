/* Copies the line of a `[data-command]`, and says so. */
(() => {
  "use strict";

  const select = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
  };

  const copy = async (line) => {
    try {
      await navigator.clipboard.writeText(line.textContent);
      return "Copied.";
    } catch {
      // Without HTTPS, or where the browser forbids it, a person copies what is selected.
      select(line);
      return "Selected: press Ctrl+C.";
    }
  };

  document.addEventListener("click", async (event) => {
    const command = event.target.closest("[data-copy]")?.closest("[data-command]");
    if (!command) return;
    command.querySelector("[role='status']").textContent = await copy(command.querySelector("code"));
  });
})();
