// Curves over a common axis, drawn by uPlot: a logarithmic axis, gaps, marks, zoom by dragging.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

export interface Curve {
  label: string;
  color: string;
  dashed: boolean;
  values: (number | null)[];
}

export interface Mark {
  x: number;
  y: number | null;
  color: string;
}

export interface ChartProps {
  title: string;
  along: string; // the name of the x axis
  x: number[];
  curves: Curve[];
  marks: Mark[];
  log: boolean;
  dark: boolean;
  format: (value: number) => string;
}

const HEIGHT = 250;
const INKS = { light: ["#5b6570", "#e3e7eb"], dark: ["#9aa5b1", "#2a3037"] };

export function Chart(props: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const shape = JSON.stringify([props.curves.map((c) => [c.label, c.color, c.dashed]), props.log, props.dark, props.along, props.x.length < 3]);

  useEffect(() => {
    const element = host.current!;
    const made = new uPlot(options(latest.current, element.clientWidth, () => latest.current), dataOf(latest.current), element);
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(dataOf(latest.current));
  }, [props.x, props.curves]);

  return (
    <figure class="chart">
      <figcaption>{props.title}</figcaption>
      <div ref={host} role="img" aria-label={`${props.title}: ${props.curves.map((c) => `${c.label} ${last(c, props.format)}`).join(", ")}`} />
    </figure>
  );
}

function last(curve: Curve, format: (value: number) => string): string {
  const value = curve.values.filter((v) => v !== null).pop();
  return value === undefined || value === null ? "nothing yet" : format(value);
}

// On a logarithmic axis there is no place for 0.
function dataOf(props: ChartProps): uPlot.AlignedData {
  const shown = props.curves.map((c) => (props.log ? c.values.map((v) => (v !== null && v > 0 ? v : null)) : c.values));
  return [props.x, ...shown];
}

function options(props: ChartProps, width: number, now: () => ChartProps): uPlot.Options {
  const [ink, grid] = INKS[props.dark ? "dark" : "light"];
  const font = "11px Arimo, Arial, 'Liberation Sans', Helvetica, sans-serif";
  const axis = { stroke: ink, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
  const few = props.x.length < 3;
  return {
    width,
    height: HEIGHT,
    scales: { x: { time: false, range: (_, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) }, y: { distr: props.log ? 3 : 1 } },
    axes: [
      { ...axis, label: props.along, labelFont: font, labelSize: 18, size: 28, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 1e5, 1e6] },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((t) => (t === null ? "" : briefly(now().format(t)))), grid: { ...axis.grid, filter: decades }, ticks: { ...axis.ticks, filter: decades } },
    ],
    cursor: { focus: { prox: 20 }, points: { size: 6 } },
    focus: { alpha: 0.4 },
    legend: { markers: { width: 2, dash: (_, i) => (now().curves[i - 1]?.dashed ? "dashed" : "solid") } },
    series: [
      { label: props.along, value: (_, v) => v ?? now().x[now().x.length - 1] },
      ...props.curves.map((c): uPlot.Series => ({
        label: c.label, stroke: c.color, width: 1.6, dash: c.dashed ? [5, 4] : undefined, spanGaps: true, points: { show: few },
        value: (_, v, i, at) => (at === null ? last(now().curves[i - 1], now().format) : v === null || v === undefined ? "–" : now().format(v)),
      })),
    ],
    hooks: { draw: [(u) => drawMarks(u, now().marks)] },
  };
}

// `1.00e+22` as `1e22`.
function briefly(text: string): string {
  return text.replace(/\.?0*e\+?/, "e");
}

// Where a logarithmic axis spans many decades, lines at each of them alone: nine for each would be a grey surface.
function decades(u: uPlot, splits: (number | null)[]): (number | null)[] {
  const { distr, min, max } = u.scales.y;
  if (distr !== 3 || !min || !max || max / min < 1e5) return splits;
  return splits.map((s) => (s !== null && Math.abs(Math.log10(s) - Math.round(Math.log10(s))) < 1e-6 ? s : null));
}

// A dotted line at the x of each mark and a ring at its value.
function drawMarks(u: uPlot, marks: Mark[]): void {
  const { ctx } = u;
  const ratio = uPlot.pxRatio;
  ctx.save();
  for (const { x, y, color } of marks) {
    const px = u.valToPos(x, "x", true);
    if (px < u.bbox.left - 1 || px > u.bbox.left + u.bbox.width + 1) continue; // zoomed away
    ctx.strokeStyle = color;
    ctx.lineWidth = ratio;
    ctx.setLineDash([2 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(px, u.bbox.top);
    ctx.lineTo(px, u.bbox.top + u.bbox.height);
    ctx.stroke();
    if (y === null || !Number.isFinite(u.valToPos(y, "y", true))) continue;
    ctx.setLineDash([]);
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    ctx.arc(px, u.valToPos(y, "y", true), 4.5 * ratio, 0, 2 * Math.PI);
    ctx.stroke();
  }
  ctx.restore();
}
