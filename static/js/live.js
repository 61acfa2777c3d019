/* hx-swap="live": changes in place only what differs, so that picks, focus, scroll and open menus stay.
   An element with [data-live] that asks by itself does not while nobody looks at the page. */
(() => {
  "use strict";

  const solid = (parent) => [...parent.childNodes].filter((node) => node.nodeType === 1 || node.nodeValue.trim());

  const isTwin = (old, fresh) => old && old.nodeName === fresh.nodeName && (old.id ?? "") === (fresh.id ?? "");

  const updateAttributes = (old, fresh) => {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open" && name !== "disabled") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  };

  const updateChildren = (old, fresh) => {
    const wanted = solid(fresh);
    const ids = new Set(wanted.map((node) => node.id).filter(Boolean));
    solid(old).forEach((node) => node.id && !ids.has(node.id) && node.remove());
    const known = new Map(solid(old).filter((node) => node.id).map((node) => [node.id, node]));
    let rest = solid(old);
    for (const node of wanted) {
      const twin = node.id ? known.get(node.id) : rest.find((left) => !left.id && isTwin(left, node));
      if (!twin) {
        old.insertBefore(node, rest[0] ?? null);
        continue;
      }
      if (twin !== rest[0]) old.insertBefore(twin, rest[0] ?? null);
      rest = rest.filter((left) => left !== twin);
      update(twin, node);
    }
    rest.forEach((node) => node.remove());
  };

  const update = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== 1) {
      old.nodeValue = fresh.nodeValue;
    } else if (!isTwin(old, fresh)) {
      old.replaceWith(fresh);
    } else {
      updateAttributes(old, fresh);
      updateChildren(old, fresh);
    }
  };

  htmx.defineExtension("live", {
    isInlineSwap: (style) => style === "live",
    handleSwap: (style, target, fragment) => {
      if (style !== "live") return false;
      const fresh = fragment.querySelector(`#${CSS.escape(target.id)}`);
      const focused = document.activeElement;
      const { scrollX, scrollY } = window;
      if (fresh) {
        target.setAttribute("hx-headers", fresh.getAttribute("hx-headers") ?? "{}");
        updateChildren(target, fresh);
      }
      if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
      window.scrollTo({ left: scrollX, top: scrollY, behavior: "instant" });
      return [];
    },
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
  });

  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.body.dispatchEvent(new CustomEvent("list-changed"));
  });

  /* A question goes: closing it first gives the focus back to where it was. */
  const close = () => document.querySelector("#dialog-place dialog[open]")?.close();

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target.id === "dialog-place") close();
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close]") || !document.querySelector("#dialog-place dialog:modal")) return;
    if (document.getElementById("frame")?.inert) return;
    event.preventDefault();
    close();
    document.getElementById("dialog-place").replaceChildren();
  });
})();
