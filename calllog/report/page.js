"use strict";
(() => {
  const behind = (link) => link && document.getElementById(link.getAttribute("href").slice(1));
  document.addEventListener("click", (event) => {
    const close = event.target.closest("a.close");
    if (close) {
      const open = close.closest("[popover]");
      if (open.hidePopover && open.matches(":popover-open")) { event.preventDefault(); open.hidePopover(); }
      return;
    }
    const box = behind(event.target.closest('a[href^="#l-"], a[href^="#d-"]'));
    if (box && box.showPopover) { event.preventDefault(); tip.hidden = true; box.showPopover(); }
  });

  const tip = document.getElementById("tip");
  const tell = (event) => {
    const told = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !told;
    if (!told) return;
    tip.textContent = told.dataset.tip;
    const at = told.getBoundingClientRect(), room = document.documentElement.clientWidth;
    const left = Math.min(Math.max(at.left + at.width / 2 - tip.offsetWidth / 2, 8), room - tip.offsetWidth - 8);
    const above = at.top - tip.offsetHeight - 8;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 8 ? above : at.bottom + 8}px`;
    const open = told.closest("[popover]");
    (open || document.body).append(tip);
  };
  document.addEventListener("pointerover", tell);
  document.addEventListener("focusin", tell);
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true, capture: true });
})();
