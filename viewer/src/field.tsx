// The receptive field of a layer, drawn on its input: the input to scale, what its middle output depends on, and how far the
// next output moves that.
import type { FieldAxis, FieldData, Point } from "./protocol";

const SIDE = 190;
const NAMES: Record<number, string[]> = { 1: ["position"], 2: ["row", "column"], 3: ["slice", "row", "column"] };

export function Field(props: { field: FieldData | null }) {
  const { field } = props;
  if (!field) return null;
  if (!field.axes.length)
    return <p class="hint">Receptive field: all of {field.input}, {field.sizes.join("×")}.</p>;
  const names = NAMES[field.sizes.length] ?? field.sizes.map((_, i) => `axis ${i + 1}`);
  const square = field.axes.length === 2;
  return (
    <figure class="field">
      <figcaption>Receptive field on {field.input}, {field.sizes.join("×")}</figcaption>
      {square ? (
        <Picture rows={field.axes[0]} columns={field.axes[1]} sizes={field.sizes} label={said(field, names)} />
      ) : (
        field.axes.map((axis, i) => <Bar key={i} axis={axis} size={field.sizes[i]} label={`${names[i]}: ${line(axis, field.sizes[i], names[i])}`} />)
      )}
      <p class="hint">Filled: what the middle output depends on; dashed: the first two.</p>
      <ul>
        {alike(field) ? <li>{line(field.axes[0], field.sizes[0], "position")}</li> : field.axes.map((axis, i) => <li key={i}>{names[i]}: {line(axis, field.sizes[i], names[i])}</li>)}
      </ul>
    </figure>
  );
}

const alike = (field: FieldData) => field.axes.every((axis, i) => JSON.stringify([axis, field.sizes[i]]) === JSON.stringify([field.axes[0], field.sizes[0]]));
const said = (field: FieldData, names: string[]) => field.axes.map((axis, i) => `${names[i]}: ${line(axis, field.sizes[i], names[i])}`).join("; ");

function line(axis: FieldAxis, size: number, name: string): string {
  const pads = axis.first[0] < 0 ? `, the first begins ${-axis.first[0]} before the input (padding)` : axis.first[0] > 0 ? `, the first begins at ${axis.first[0]}` : "";
  const moves = axis.second ? `, the next one ${axis.stride} further` : "";
  const seen = axis.size > size ? `${axis.size} ${name}s (the input has ${size})` : `${axis.size} of ${size} ${name}s`;
  return `${seen}${moves}${pads}`;
}

// Where a span lies in a picture that shows the input and, around it, what of the padding is seen, if that is not too much.
function scaled(axis: FieldAxis, size: number): { scale: (at: number) => number; from: number; to: number } {
  const most = size * 0.35;
  const from = Math.max(-most, Math.min(0, axis.first[0], axis.middle[0]));
  const to = Math.min(size + most, Math.max(size, axis.first[1] + 1, axis.middle[1] + 1));
  return { scale: (at) => Math.min(Math.max(at, from), to) - from, from, to };
}

function Picture(props: { rows: FieldAxis; columns: FieldAxis; sizes: number[]; label: string }) {
  const [down, across] = [scaled(props.rows, props.sizes[0]), scaled(props.columns, props.sizes[1])];
  const [height, width] = [down.to - down.from, across.to - across.from];
  const unit = SIDE / Math.max(height, width);
  const box = (rows: Point, columns: Point, kind: string) => {
    const [x, y] = [across.scale(columns[0]) * unit, down.scale(rows[0]) * unit];
    const [right, bottom] = [across.scale(columns[1] + 1) * unit, down.scale(rows[1] + 1) * unit];
    return <rect class={kind} x={x} y={y} width={Math.max(right - x, 1.5)} height={Math.max(bottom - y, 1.5)} />;
  };
  const whole: [Point, Point] = [[0, props.sizes[0] - 1], [0, props.sizes[1] - 1]];
  return (
    <svg role="img" aria-label={props.label} width={width * unit + 2} height={height * unit + 2} viewBox={`-1 -1 ${width * unit + 2} ${height * unit + 2}`}>
      {box(...whole, "input")}
      {box(props.rows.first, props.columns.first, "first")}
      {(props.rows.second ?? props.columns.second) && box(props.rows.second ?? props.rows.first, props.columns.second ?? props.columns.first, "second")}
      {box(props.rows.middle, props.columns.middle, "middle")}
    </svg>
  );
}

function Bar(props: { axis: FieldAxis; size: number; label: string }) {
  const { axis, size } = props;
  const along = scaled(axis, size);
  const unit = 240 / (along.to - along.from);
  const box = ([low, high]: Point, kind: string, y: number, height: number) => {
    const x = along.scale(low) * unit;
    return <rect class={kind} x={x} y={y} width={Math.max(along.scale(high + 1) * unit - x, 1.5)} height={height} />;
  };
  return (
    <svg role="img" aria-label={props.label} width={242} height={36} viewBox="-1 -1 242 36">
      {box([0, size - 1], "input", 10, 14)}
      {box(axis.first, "first", 6, 10)}
      {axis.second && box(axis.second, "second", 18, 10)}
      {box(axis.middle, "middle", 10, 14)}
    </svg>
  );
}
