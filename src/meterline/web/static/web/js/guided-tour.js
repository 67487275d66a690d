// A tour of the page: a dialog that goes from part to part. Arrow keys turn, Escape leaves.
class GuidedTour extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.steps = [...this.querySelectorAll("[data-step]")];
    this.next = this.querySelector("[data-next]");
    this.back = this.querySelector("[data-back]");
    this.next.addEventListener("click", () => this.go(1));
    this.back.addEventListener("click", () => this.go(-1));
    this.querySelector("[data-leaves]").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.leave());
    this.dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowRight") this.go(1);
      else if (event.key === "ArrowLeft") this.go(-1);
      else return;
      event.preventDefault();
    });
    document.addEventListener("click", (event) => {
      if (event.target.closest?.("[data-tour]")) this.start();
    });
    if (this.hasAttribute("data-starts")) this.start();
  }

  start() {
    this.opener = document.activeElement;
    this.shown = this.steps.filter((step) => !step.dataset.at || this.part(step));
    this.at = -1;
    this.dialog.showModal();
    this.go(1);
  }

  // What a step is about, where it is on the page and to be seen.
  part(step) {
    const found = step.dataset.at ? document.querySelector(step.dataset.at) : null;
    return found?.checkVisibility() ? found : null;
  }

  go(way) {
    const at = this.at + way;
    if (at < 0) return;
    if (at >= this.shown.length) return this.dialog.close();
    this.at = at;
    for (const step of this.steps) step.hidden = step !== this.shown[at];
    this.querySelector("[data-count]").textContent = `${at + 1} / ${this.shown.length}`;
    this.back.disabled = at === 0;
    const last = at === this.shown.length - 1;
    this.next.textContent = last ? this.next.dataset.last : this.next.dataset.more;
    this.light(this.part(this.shown[at]));
    this.next.focus();
  }

  light(part) {
    document.querySelector(".toured")?.classList.remove("toured");
    part?.classList.add("toured");
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    part?.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
    const box = part?.getBoundingClientRect();
    this.dialog.dataset.side = box && box.top > innerHeight / 2 ? "top" : "bottom";
  }

  leave() {
    this.light(null);
    document.querySelector("[data-tour-offer]")?.remove();
    (this.opener?.isConnected && this.opener !== document.body ? this.opener : document.getElementById("main")).focus();
    history.replaceState(null, "", location.pathname);
    const body = new URLSearchParams({ csrfmiddlewaretoken: this.dataset.token, quiet: "1" });
    fetch(this.dataset.done, { method: "POST", body });
  }
}
customElements.define("guided-tour", GuidedTour);
