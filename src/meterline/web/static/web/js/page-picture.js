// A picture of the page for feedback: the browser asks first, and nothing is sent before the form is.
class PagePicture extends HTMLElement {
  connectedCallback() {
    this.file = this.querySelector("input[type=file]");
    this.consent = this.querySelector("input[type=checkbox]");
    this.file.addEventListener("change", () => this.tell());
    this.tell();
    if (!navigator.mediaDevices?.getDisplayMedia) return;
    const button = this.querySelector("[data-takes]");
    button.hidden = false;
    button.addEventListener("click", () => this.take());
  }

  async take() {
    const dialog = this.closest("dialog");
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: true, preferCurrentTab: true });
    } catch {
      return; // whoever says no sends no picture
    }
    const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true });
    await video.play();
    dialog.close();
    await this.painted(video);
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    for (const track of stream.getTracks()) track.stop();
    dialog.showModal();
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    const files = new DataTransfer();
    files.items.add(new File([blob], "page.jpg", { type: "image/jpeg" }));
    this.file.files = files.files;
    this.querySelector("[data-shows]").replaceChildren(canvas);
    this.tell();
    this.consent.focus();
  }

  // The page without the dialog has reached the video: two paintings here, then frames there.
  async painted(video) {
    const frame = (ask) => new Promise((done) => ask(done));
    for (let i = 0; i < 2; i++) await frame((done) => requestAnimationFrame(done));
    const later = new Promise((done) => setTimeout(done, 1500));
    for (let i = 0; i < 3; i++) await Promise.race([frame((done) => video.requestVideoFrameCallback(done)), later]);
  }

  // Consent is asked for where there is a picture, and only there.
  tell() {
    this.consent.required = this.file.files.length > 0;
    this.consent.closest(".field").hidden = !this.consent.required;
  }
}
customElements.define("page-picture", PagePicture);
