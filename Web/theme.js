// Loaded before the page is drawn, so a chosen theme never flashes in the other colours.
"use strict";
(() => {
  const key = "martlet-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  function apply(theme) {
    root.dataset.theme = theme ?? (system.matches ? "dark" : "light");
    dispatchEvent(new CustomEvent("themechange"));
  }

  apply(chosen());
  system.addEventListener("change", () => apply(chosen()));

  addEventListener("DOMContentLoaded", () => {
    document.getElementById("theme").addEventListener("click", () => {
      const next = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        // Choosing what the system shows anyway means following the system again.
        if ((next === "dark") === system.matches) localStorage.removeItem(key);
        else localStorage.setItem(key, next);
      } catch {
        // A browser that keeps nothing still changes the colours for this page.
      }
      apply(next);
    });
  });
})();
