"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const beat = 700; // milliseconds between two pictures of a blink: less than three flashes a second

  document.documentElement.classList.add("js");

  // Search and filter
  const items = all(".item").map((item) => ({ item, name: item.querySelector(".name").textContent.toLowerCase() }));
  const form = document.querySelector(".filter");
  const field = (id) => document.getElementById(id);
  function filter() {
    const wanted = field("search").value.trim().toLowerCase();
    const word = field("verdict").value;
    const kind = field("kind").value;
    let shown = 0;
    for (const { item, name } of items) {
      const fits = name.includes(wanted) && (!word || item.dataset.word === word) && (!kind || item.dataset.kind === kind);
      item.hidden = !fits;
      shown += fits;
    }
    field("shown").textContent = `${shown} of ${items.length} shown`;
    for (const button of all(".count")) button.setAttribute("aria-pressed", String(button.dataset.word === word));
  }
  if (form) {
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const [id, open] of [["open", true], ["close", false]]) {
      field(id).addEventListener("click", () => {
        for (const details of all(".item:not([hidden]) > details")) details.open = open;
      });
    }
    for (const button of all(".count")) {
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => {
        field("verdict").value = field("verdict").value === button.dataset.word ? "" : button.dataset.word;
        filter();
      });
    }
  }

  // One array: modes, slices, swipe, blink
  function control(view) {
    const part = (selector) => view.querySelector(selector);
    const slices = all(".slice", view);
    const slider = part(".slider input");
    const swiper = part(".swiper input");
    let timer = 0;

    function showSlice() {
      const number = slider ? Number(slider.value) : 0;
      slices.forEach((slice, index) => { slice.hidden = index !== number; });
      if (slider) {
        const label = slices[number].dataset.label;
        part(".slider output").textContent = label;
        slider.setAttribute("aria-valuetext", label);
      }
    }
    function swipe() {
      const on = view.dataset.mode === "swipe";
      for (const pair of all(".pair", view)) {
        const obtained = pair.querySelector(".obtained");
        if (!obtained) continue;
        let line = pair.querySelector(".line");
        if (!line) pair.append(line = Object.assign(document.createElement("div"), { className: "line" }));
        line.hidden = !on;
        line.style.left = `${swiper.value}%`;
        obtained.style.clipPath = on ? `inset(0 0 0 ${swiper.value}%)` : "";
      }
    }
    function show(which) {
      view.dataset.shown = which;
      part(".shown").textContent = which;
    }
    const flip = () => show(view.dataset.shown === "golden" ? "obtained" : "golden");
    function run(on) {
      clearInterval(timer);
      timer = on && !still.matches ? setInterval(flip, beat) : 0;
      part(".pause").textContent = timer ? "Pause" : "Continue";
    }
    function choose(mode) {
      view.dataset.mode = mode;
      if (!swiper) return;
      part(".swiper").hidden = mode !== "swipe";
      part(".blinker").hidden = mode !== "blink";
      show("golden");
      run(mode === "blink");
      swipe();
    }
    for (const row of all(".modes, .slider", view)) row.hidden = false;
    for (const radio of all(".modes input", view)) radio.addEventListener("change", () => choose(radio.value));
    if (slider) slider.addEventListener("input", showSlice);
    showSlice();
    if (!swiper) return;
    swiper.addEventListener("input", swipe);
    part(".pause").addEventListener("click", () => run(!timer));
    part(".flip").addEventListener("click", () => { run(false); flip(); });
    still.addEventListener("change", () => run(view.dataset.mode === "blink"));
    for (const pair of all(".pair", view)) {
      const drag = (event) => {
        if (view.dataset.mode !== "swipe" || !(event.buttons & 1)) return;
        const box = pair.getBoundingClientRect();
        swiper.value = String(Math.round((100 * (event.clientX - box.left)) / box.width));
        swipe();
      };
      pair.addEventListener("pointerdown", drag);
      pair.addEventListener("pointermove", drag);
      pair.addEventListener("dragstart", (event) => event.preventDefault());
    }
  }
  all(".view").forEach(control);

  // Links to an item open it; a printed page has all details
  function openTarget() {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
  addEventListener("hashchange", openTarget);
  openTarget();
  addEventListener("beforeprint", () => { for (const details of all("details")) details.open = true; });
})();
