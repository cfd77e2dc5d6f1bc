// Sliders for the sizes of inputs. They change the text itself: an input is written as numbers, there is nothing else to set.
import type { Network } from "./protocol";
import { useRanges } from "./ranges";

interface Size {
  name: string;
  value: number;
  places: [number, number][]; // where it is written; several where all axes are equal
}

const AXES: Record<number, string[]> = { 1: ["length"], 2: ["height", "width"], 3: ["depth", "height", "width"] };

export function InputSizes(props: { network: Network; text: string; live: boolean; onText: (text: string) => void }) {
  const rangeOf = useRanges((value) => ({ least: 1, most: Math.max(16, 2 * value), step: 1 }));
  const sizes = inputSizes(props.network, props.text);
  if (!sizes.length || !props.live) return null;
  const set = (size: Size, value: number) => {
    if (!(value >= 1)) return;
    const changed = [...size.places].sort((a, b) => b[0] - a[0]).reduce((t, [from, to]) => t.slice(0, from) + Math.round(value) + t.slice(to), props.text);
    props.onText(changed);
  };
  return (
    <fieldset class="parameters">
      <legend>Input, in the text</legend>
      {sizes.map((size) => (
        <label key={size.name}>
          <span>{size.name}</span>
          <input
            type="range" min={1} max={rangeOf(size.name, size.value).most} step={1} value={size.value} aria-label={size.name}
            onInput={(e) => set(size, Number(e.currentTarget.value))}
          />
          <input
            type="number" min={1} value={size.value} aria-label={`${size.name}, as a number`}
            onChange={(e) => set(size, Number(e.currentTarget.value))}
          />
        </label>
      ))}
    </fieldset>
  );
}

// The spatial sizes of the inputs that are written as numbers: `input 3x224x224`, `input 8x8 gray`, `input tokens 256 int`.
export function inputSizes(network: Network, text: string): Size[] {
  const inputs = network.nodes.filter((node) => !node.inputs.length && node.start !== null && node.section === "input");
  return inputs.flatMap((node) => {
    const line = /^[^\n;#]*/.exec(text.slice(node.start!))![0];
    const shape = /(?<![\w.])\d[\d_]*(?:x\d[\d_]*)*(?![\w.(])/.exec(line);
    if (!shape || !/^input\b/.test(line)) return [];
    let at = node.start! + shape.index;
    const places = shape[0].split("x").map((digits): [number, number] => {
      const place: [number, number] = [at, at + digits.length];
      at += digits.length + 1;
      return place;
    });
    const axes = node.shape.split("×").length;
    const spatial = places.length === axes && axes > 1 ? places.slice(1) : places;
    const value = ([from, to]: [number, number]) => Number(text.slice(from, to).replaceAll("_", ""));
    const prefix = inputs.length > 1 ? `${node.name} ` : "";
    if (spatial.length > 1 && spatial.every((place) => value(place) === value(spatial[0])))
      return [{ name: `${prefix}size`, value: value(spatial[0]), places: spatial }];
    const names = spatial.length === 1 && axes === 1 ? ["size"] : AXES[spatial.length] ?? [];
    return spatial.map((place, i) => ({ name: prefix + (names[i] ?? `axis ${i + 1}`), value: value(place), places: [place] }));
  });
}
