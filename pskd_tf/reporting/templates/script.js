// Pointing at a class shows it in every embedding map.
for (const maps of document.querySelectorAll(".maps")) {
  const marks = maps.querySelectorAll("[data-class]");
  const show = (event) => {
    const found = event.target.closest("[data-class]");
    maps.classList.toggle("pointed", found !== null);
    for (const mark of marks)
      mark.classList.toggle("on", found !== null && mark.dataset.class === found.dataset.class);
  };
  maps.addEventListener("pointerover", show);
  maps.addEventListener("click", show);
  maps.addEventListener("pointerleave", show);
}
