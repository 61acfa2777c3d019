/* Keeps relative times true between two answers of the server; the words are those of components/moments.py. */
(() => {
  "use strict";

  const UNITS = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];

  const relative = (seconds) => {
    const distance = Math.abs(seconds);
    const [size, noun] = UNITS.find(([unit]) => distance >= 2 * unit) ?? [1, "second"];
    const count = Math.floor(distance / size);
    if (!count) return "now";
    const words = `${count} ${noun}${count === 1 ? "" : "s"}`;
    return seconds < 0 ? `${words} ago` : `in ${words}`;
  };

  const tell = () => {
    if (document.hidden) return;
    document.querySelectorAll(".live time, .queue-head time").forEach((time) => {
      const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
      const words = relative("due" in time.dataset ? Math.max(seconds, 0) : seconds);
      if (time.textContent !== words) time.textContent = words;
    });
  };

  setInterval(tell, 1000);
})();
