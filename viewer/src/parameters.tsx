// The parameters of the net, with sliders; the spec stays as it is.
import { Fragment } from "preact";
import { type Range, useRanges } from "./ranges";

type Value = number | boolean | string;
type Values = Record<string, Value>;

export function Parameters(props: { values: Values; given: Values; live: boolean; onChange: (name: string, value: Value) => void; onReset: () => void }) {
  const { values, given } = props;
  const rangeOf = useRanges(usualRange);
  const names = Object.keys(values);
  if (!names.length) return null;
  if (!props.live) return <Stated values={values} />;
  const valueOf = (name: string) => (Object.hasOwn(given, name) ? given[name] : values[name]);
  return (
    <fieldset class="parameters">
      <legend>Parameters</legend>
      {names.map((name) => (
        <Parameter key={name} name={name} value={valueOf(name)} rangeOf={rangeOf} onChange={(value) => props.onChange(name, value)} />
      ))}
      {/* Always there: where it came with the first change, Chromium would end the drag of the slider. */}
      <button type="button" disabled={!Object.keys(given).length} onClick={props.onReset}>As in the spec</button>
    </fieldset>
  );
}

// In a page that nobody answers there is nothing to try.
function Stated(props: { values: Values }) {
  return (
    <section class="parameters" aria-label="Parameters">
      <b>Parameters</b>
      <dl>{Object.entries(props.values).map(([name, value]) => <Fragment key={name}><dt>{name}</dt><dd>{value === true ? "yes" : value === false ? "no" : value}</dd></Fragment>)}</dl>
    </section>
  );
}

// From a value, about twice as far; a fraction is a rate.
function usualRange(value: number): Range {
  const whole = Number.isInteger(value);
  const least = value < 0 ? 2 * value : whole && value > 0 ? 1 : 0;
  const most = whole ? Math.max(4, 2 * value) : value <= 1 ? 1 : 2 * value;
  return { least, most, step: whole ? 1 : (most - least) / 100 };
}

function Parameter(props: { name: string; value: Value; rangeOf: (name: string, value: number) => Range; onChange: (value: Value) => void }) {
  const { name, value } = props;
  if (typeof value === "boolean")
    return (
      <label>
        <span title={name}>{name}</span>
        <input type="checkbox" checked={value} onChange={(e) => props.onChange(e.currentTarget.checked)} />
      </label>
    );
  if (typeof value !== "number")
    return (
      <label>
        <span title={name}>{name}</span>
        <input type="text" value={value} onChange={(e) => props.onChange(e.currentTarget.value)} />
      </label>
    );
  const { least, most, step } = props.rangeOf(name, value);
  return (
    <label>
      <span title={name}>{name}</span>
      <input
        type="range" min={least} max={most} step={step} value={value} aria-label={name}
        onInput={(e) => props.onChange(Number(e.currentTarget.value))}
      />
      <input
        type="number" value={value} step={step === 1 ? 1 : "any"} aria-label={`${name}, as a number`}
        onChange={(e) => e.currentTarget.value !== "" && props.onChange(Number(e.currentTarget.value))}
      />
    </label>
  );
}
