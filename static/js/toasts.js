/* Messages: the cross closes one; a request that failed says so in a new one. */
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    event.target.closest("[data-dismiss-toast]")?.closest(".toast").remove();
  });

  /* The latest ones stay: older ones would cover the page. */
  const SHOWN = 3;
  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("toasts");
    const trim = () => [...place.children].slice(0, -SHOWN).forEach((toast) => toast.remove());
    new MutationObserver(trim).observe(place, { childList: true });
  });

  const tell = (sentence) => {
    const said = [...document.querySelectorAll("#toasts .toast p")];
    if (said.some((place) => place.textContent === sentence)) return;
    const toast = document.getElementById("failure-toast").content.cloneNode(true);
    toast.querySelector("p").textContent = sentence;
    document.getElementById("toasts").append(toast);
  };

  /* What failed to load as a part is shown as a page, which knows what to say. */
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr, requestConfig, pathInfo } = event.detail;
    if (requestConfig.verb === "get" && !requestConfig.elt.matches("[data-live]")) {
      window.location.assign(pathInfo.finalRequestPath);
    } else {
      tell(`The server refused (status ${xhr.status}). Nothing was changed; reload the page and try again.`);
    }
  });

  let away = false;
  document.addEventListener("htmx:sendError", () => {
    if (!away) tell("The server cannot be reached. What you see may be old.");
    away = true;
  });
  document.addEventListener("htmx:afterOnLoad", () => (away = false));
})();
