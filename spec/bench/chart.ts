/**
 * Calls per second as a bar chart: an SVG without a background, whose colours follow the reader's
 * light or dark scheme. The scale is linear, so that a bar's length is the figure.
 */

export interface Bar {
  readonly label: string;
  readonly value: number;
  /** callstream's own. */
  readonly own: boolean;
}

const WIDTH = 760;
const LEFT = 190;
const RIGHT = 90;
const TOP = 44;
const STEP = 30;
const HEIGHT = 18;

const STYLE = `
    text { font: 13px system-ui, sans-serif; fill: #57606a }
    .title { font-weight: 600; fill: #1f2328 }
    .value { font-variant-numeric: tabular-nums; fill: #1f2328 }
    rect { fill: #afb8c1 } rect.own { fill: #0969da }
    @media (prefers-color-scheme: dark) {
      text { fill: #9198a1 } .title, .value { fill: #f0f6fc }
      rect { fill: #59636e } rect.own { fill: #4493f8 }
    }`;

export function barChart(title: string, bars: readonly Bar[]): string {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const rows = [...bars]
    .sort((a, b) => b.value - a.value)
    .map(({ label, value, own }, index) => {
      const y = TOP + index * STEP;
      const length = Math.max(1, ((WIDTH - LEFT - RIGHT) * value) / most);
      const middle = y + HEIGHT / 2 + 4.5;
      return `  <text x="${LEFT - 12}" y="${middle}" text-anchor="end">${escaped(label)}</text>
  <rect x="${LEFT}" y="${y}" width="${length.toFixed(1)}" height="${HEIGHT}" rx="2"${own ? ' class="own"' : ''}/>
  <text x="${(LEFT + length + 8).toFixed(1)}" y="${middle}" class="value">${Math.round(value).toLocaleString('en-US')}</text>`;
    });
  const height = TOP + bars.length * STEP;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
  <style>${STYLE}
  </style>
  <text x="12" y="22" class="title">${escaped(title)}</text>
${rows.join('\n')}
</svg>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
