(() => {
  const by = (id) => document.getElementById(id);
  const articles = [...document.querySelectorAll("article")];
  const texts = articles.map((one) => `${one.id} ${one.textContent}`.toLowerCase());
  const on = (one, version) => !version || one.dataset.on.split(" ").includes(version);
  const filter = () => {
    const words = by("words").value.toLowerCase().split(/\s+/).filter(Boolean);
    const version = by("version").value;
    const differing = by("differing").checked;
    let shown = 0;
    articles.forEach((one, at) => {
      one.hidden = !(on(one, version) && words.every((word) => texts[at].includes(word)) &&
        (!differing || one.classList.contains("differs")));
      shown += one.hidden ? 0 : 1;
    });
    document.querySelectorAll(".sight").forEach((one) => { one.hidden = !on(one, version); });
    document.querySelectorAll(".steps > li").forEach((one) => {
      one.hidden = !one.querySelector(".sight:not([hidden])");
    });
    document.querySelectorAll("section").forEach((one) => {
      one.hidden = !one.querySelector("article:not([hidden])");
    });
    by("count").value = `${shown} of ${articles.length}`;
    by("nothing").hidden = shown > 0;
  };
  by("filter").hidden = false;
  by("filter").addEventListener("input", filter);
  by("filter").addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
