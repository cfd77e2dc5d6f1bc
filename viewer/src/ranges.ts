// The ranges of sliders.
import { useRef } from "preact/hooks";

export interface Range {
  least: number;
  most: number;
  step: number;
}

// By name: a range stays as it is while the value is in it, so that a slider does not run away under the pointer.
export function useRanges(around: (value: number) => Range): (name: string, value: number) => Range {
  const known = useRef(new Map<string, Range>());
  return (name, value) => {
    const old = known.current.get(name);
    if (old && old.least <= value && value <= old.most) return old;
    const found = around(value);
    known.current.set(name, found);
    return found;
  };
}
