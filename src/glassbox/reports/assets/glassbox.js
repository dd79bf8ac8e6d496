// Draws Plotly figures from the JSON in the page, in the colours of the page. Loaded before Plotly, and only on pages with a figure.
(function () {
  "use strict";

  // The Content-Security-Policy blocks inline styles, but not styles set through the object model.
  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
  // Plotly adds the style sheet of maps as text, which the policy blocks; no page draws maps. It adds other rules one by one.
  HTMLStyleElement.prototype.appendChild = function (node) {
    if (node.nodeType === Node.TEXT_NODE) node.textContent = "";
    return Node.prototype.appendChild.call(this, node);
  };

  const COLOURS = {
    "#16202a": "ink", "#5b6873": "soft", "#dfe4e8": "line", "#0b6e6e": "accent", "#ffffff": "paper",
    "#c2571a": "series-2", "#6a51a3": "series-3", "#8a6100": "series-4", "#3b6fb6": "series-5", "#b3261e": "series-6",
  };
  // The first six default colours of Plotly, for figures that set no colours.
  const DEFAULTS = {
    "#636efa": "#0b6e6e", "#ef553b": "#c2571a", "#00cc96": "#6a51a3", "#ab63fa": "#8a6100", "#ffa15a": "#3b6fb6", "#19d3f3": "#b3261e",
  };

  function painter(light) {
    const style = getComputedStyle(document.documentElement);
    return function (hex) {
      const own = DEFAULTS[hex] || hex;
      return light || !COLOURS[own] ? own : style.getPropertyValue("--" + COLOURS[own]).trim() || own;
    };
  }

  function painted(value, paint) {
    if (typeof value === "string") return /^#[0-9a-f]{6}$/i.test(value) ? paint(value.toLowerCase()) : value;
    if (Array.isArray(value)) return value.map(function (item) { return painted(item, paint); });
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(function (pair) { return [pair[0], painted(pair[1], paint)]; }));
    }
    return value;
  }

  function layoutOf(figure, paint) {
    const layout = Object.assign({}, figure.layout, {
      template: {}, autosize: true, dragmode: false, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    });
    delete layout.width;
    layout.colorway = layout.colorway || ["#0b6e6e", "#c2571a", "#6a51a3", "#8a6100", "#3b6fb6", "#b3261e"];
    layout.font = Object.assign({ size: 12, color: "#5b6873" }, layout.font, { family: getComputedStyle(document.body).fontFamily });
    layout.margin = Object.assign({ l: 56, r: 16, t: layout.title ? 48 : 16, b: 48 }, layout.margin);
    layout.hoverlabel = Object.assign({ bgcolor: "#ffffff", bordercolor: "#dfe4e8", font: { color: "#16202a" } }, layout.hoverlabel);
    const axes = Object.keys(layout).filter(function (key) { return /^[xy]axis\d*$/.test(key); });
    axes.concat(["xaxis", "yaxis"]).forEach(function (key) {
      layout[key] = Object.assign({ gridcolor: "#dfe4e8", zerolinecolor: "#dfe4e8", linecolor: "#dfe4e8", automargin: true }, layout[key]);
    });
    return painted(layout, paint);
  }

  const drawn = [];

  function draw(light) {
    const paint = painter(light);
    drawn.forEach(function (item) {
      window.Plotly.react(item.place, painted(item.figure.data || [], paint), layoutOf(item.figure, paint), {
        responsive: true, displayModeBar: false, displaylogo: false, showTips: false,
      });
    });
  }

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll(".hover").forEach(function (holder) {
      const data = holder.querySelector('script[type="application/json"]');
      if (!data || !window.Plotly) return;
      const place = document.createElement("div");
      place.className = "plot";
      holder.replaceChildren(place);
      drawn.push({ place: place, figure: JSON.parse(data.textContent) });
    });
    draw(false);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { draw(false); });
    addEventListener("beforeprint", function () { draw(true); });
    addEventListener("afterprint", function () { draw(false); });
  });
})();
