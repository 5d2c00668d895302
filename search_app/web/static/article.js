// What articles need besides: sent after app.js, in one script with it.

// A button that copies how the article is cited. Its words stand where it is to be.
const citation = document.querySelector(".cite");
if (citation && navigator.clipboard) {
  const button = make("button", { type: "button", class: "copy" }, citation.dataset.copy);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(citation.textContent.trim().replace(/\s+/g, " "));
    status.textContent = button.textContent = citation.dataset.copied;
  });
  citation.after(button);
}
