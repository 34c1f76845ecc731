// A ring that an update has replaced goes on where the old one was: all of them turn with the page's clock.
document.addEventListener("htmx:afterSettle", () => {
  for (const animation of document.getAnimations()) {
    if (animation.animationName === "spin") animation.startTime = 0;
  }
});
