// Colours of the diagram, those of netspec/scene/theme.py.

export interface Theme {
  background: string;
  ink: string;
  faint: string;
  wire: string;
  frame: string;
  frameFill: string;
  mark: string;
  changes: Record<"added" | "removed" | "changed", string>;
  fills: Record<string, [string, string]>;
  scale: [number, number, number][];
}

const light: Theme = {
  background: "#ffffff", ink: "#1b1f24", faint: "#5b6570", wire: "#6b7680", frame: "#b3bcc5", frameFill: "#f6f8fa",
  mark: "#d6336c",
  changes: { added: "#00714f", removed: "#b34700", changed: "#0067a3" },
  fills: {
    Convolution: ["#cfe2ff", "#3b6fb6"], Pooling: ["#ffe0c2", "#c9732b"], Dense: ["#d3f0d3", "#3f8f4a"],
    Activation: ["#fff3bf", "#b89b1e"], Normalization: ["#e8dcf7", "#7a56b3"], Regularization: ["#e9ecef", "#868e96"],
    Shape: ["#f8f9fa", "#adb5bd"], Sequence: ["#ccf2f0", "#2b8a85"], "Trainable values": ["#fde2ee", "#b8527f"],
    join: ["#ffffff", "#343a40"], closed: ["#eef1f4", "#7b8794"], input: ["#343a40", "#343a40"], output: ["#343a40", "#343a40"],
  },
  scale: [[255, 247, 236], [253, 212, 158], [252, 141, 89], [215, 48, 31], [127, 0, 0]],
};

const dark: Theme = {
  background: "#16191d", ink: "#e6e9ec", faint: "#9aa5b1", wire: "#7f8b97", frame: "#48525c", frameFill: "#1d2227",
  mark: "#ff8fab",
  changes: { added: "#3ecf9b", removed: "#ff9557", changed: "#6cb8ee" },
  fills: {
    Convolution: ["#1d3557", "#6ea8fe"], Pooling: ["#4a2f17", "#f0a35e"], Dense: ["#1c3f24", "#6fcf7f"],
    Activation: ["#453c12", "#e6c84b"], Normalization: ["#33264d", "#b794f4"], Regularization: ["#2f343a", "#a5afb8"],
    Shape: ["#23282d", "#808a94"], Sequence: ["#133b3a", "#5ad1ca"], "Trainable values": ["#47212f", "#f08db5"],
    join: ["#16191d", "#d5dade"], closed: ["#2a3037", "#8a96a3"], input: ["#d5dade", "#d5dade"], output: ["#d5dade", "#d5dade"],
  },
  scale: [[32, 28, 40], [81, 31, 88], [160, 47, 89], [232, 98, 61], [252, 205, 110]],
};

export function themeOf(isDark: boolean): Theme {
  return isDark ? dark : light;
}

export function onScale(theme: Theme, share: number): string {
  const place = Math.min(Math.max(share, 0), 1) * (theme.scale.length - 1);
  const low = Math.min(Math.floor(place), theme.scale.length - 2);
  const mixed = theme.scale[low].map((a, i) => Math.round(a + (theme.scale[low + 1][i] - a) * (place - low)));
  return `#${mixed.map((v) => v.toString(16).padStart(2, "0")).join("")}`;
}

export function inkOn(colour: string): string {
  const [red, green, blue] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#111111" : "#ffffff";
}
