/** Draws what `scaling` measured: time against FLOPs, both relative to the smallest, on logarithmic scales. */
import { readFileSync, writeFileSync } from "node:fs";
import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import type { Scaling, ScalingPoint } from "./scaling.js";

use([LineChart, GridComponent, LegendComponent, SVGRenderer]);

const relative = (points: readonly ScalingPoint[]): number[][] => {
  const [first] = points;
  return first === undefined
    ? []
    : points.map(({ gigaflops, ms }) => [gigaflops / first.gigaflops, ms / first.ms]);
};

const options = ({ axes }: Scaling) => {
  const lines = axes.map(({ axis, points }) => ({ name: axis, data: relative(points) }));
  const most = Math.max(...lines.flatMap(({ data }) => data.map(([flops = 1]) => flops)));
  const diagonal = {
    name: "as the FLOPs",
    data: [
      [1, 1],
      [most, most],
    ],
  };
  const axis = { type: "log", logBase: 2, min: 1, nameLocation: "middle" } as const;
  return {
    animation: false,
    backgroundColor: "#fff",
    textStyle: { fontFamily: "sans-serif" },
    legend: { top: 0 },
    grid: { left: 60, right: 20, top: 40, bottom: 50 },
    xAxis: { ...axis, name: "FLOPs of a step, relative", nameGap: 28 },
    yAxis: { ...axis, name: "time of a step, relative", nameGap: 36 },
    series: [
      ...lines.map((line) => ({ ...line, type: "line" as const, symbolSize: 6 })),
      {
        ...diagonal,
        type: "line" as const,
        symbol: "none",
        lineStyle: { type: "dashed" as const, color: "#999" },
        itemStyle: { color: "#999" },
      },
    ],
  };
};

/** Reads the JSON of `scaling` and writes an SVG. */
export const figureCommand = (json: string, svg: string): void => {
  const scaling = JSON.parse(readFileSync(json, "utf8")) as Scaling;
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 640, height: 420 });
  chart.setOption(options(scaling));
  writeFileSync(svg, `${chart.renderToSVGString()}\n`);
  chart.dispose();
};
