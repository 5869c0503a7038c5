/** Lines of WGSL within others. */

export const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

export const block = (...lines: string[]): string[] => ["{", ...indented(lines), "}"];

export const when = (condition: string, lines: readonly string[]): string[] => [
  `if (${condition}) {`,
  ...indented(lines),
  "}",
];
