// Lines over rounds or over time. Colours come from the style sheet, so both themes stay in one place.

// With more rounds than this, points would only thicken the line.
const pointsApartMax = 60;

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function options(format, title, bounds) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    maintainAspectRatio: false,
    animation: calm ? false : { duration: 250 },
    interaction: { mode: "index", intersect: false },
    scales: {
      x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 12 } },
      y: { ...bounds, ticks: { maxTicksLimit: 5, callback: format } },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        displayColors: false,
        callbacks: {
          title: (items) => title(items[0].label),
          label: (item) => format(item.parsed.y),
        },
      },
    },
  };
}

function paint(chart, lineColour) {
  const line = colour(lineColour);
  const [dataset] = chart.data.datasets;
  dataset.borderColor = line;
  dataset.pointBackgroundColor = line;
  dataset.backgroundColor = colour(`${lineColour}-fill`);
  const { x, y } = chart.options.scales;
  for (const axis of [x, y]) {
    axis.ticks.color = colour("--ink-soft");
    axis.grid.color = colour("--rule");
    axis.grid.borderColor = colour("--rule");
  }
  const { tooltip } = chart.options.plugins;
  tooltip.backgroundColor = colour("--ink");
  tooltip.titleColor = colour("--paper");
  tooltip.bodyColor = colour("--paper");
}

class LineChart {
  constructor(canvas, { format, title, lineColour, bounds }) {
    this.canvas = canvas;
    this.chart = new Chart(canvas, {
      type: "line",
      data: {
        labels: [],
        datasets: [{ data: [], fill: "origin", borderWidth: 2, pointRadius: 2.5, tension: 0.25 }],
      },
      options: options(format, title, bounds),
    });
    this.chart.options.font = { family: getComputedStyle(document.body).fontFamily };
    paint(this.chart, lineColour);
    addEventListener("themechange", () => {
      paint(this.chart, lineColour);
      this.chart.update("none");
    });
  }

  draw(values, labels, description) {
    this.chart.data.labels = labels;
    this.chart.data.datasets[0].data = values;
    this.chart.data.datasets[0].pointRadius = labels.length > pointsApartMax ? 0 : 2.5;
    this.canvas.setAttribute("aria-label", description);
    this.chart.update();
  }
}

export class RoundChart extends LineChart {
  constructor(canvas, settings) {
    super(canvas, { title: (label) => `Round ${label}`, ...settings });
  }

  // `values` has one entry a finished round; the axis already shows the rounds to come.
  show(values, totalRounds, description) {
    const length = Math.max(values.length, totalRounds ?? 0);
    this.draw(values, Array.from({ length }, (_, index) => index + 1), description);
  }
}

export class TimeChart extends LineChart {
  constructor(canvas, settings) {
    super(canvas, { title: (label) => label, ...settings });
  }

  show(values, times, description) { this.draw(values, times, description); }
}
