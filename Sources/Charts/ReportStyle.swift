/// The look of a report: the dashboard's colours, one column on a telephone.
enum ReportStyle {
  static let sheet = colours + frame + parts

  private static let colours = """
    :root {
      --paper: #f5f4f0; --panel: #ffffff; --sunken: #f0efe9; --ink: #1a2230; --soft: #5b6575;
      --rule: #e1dfd7; --main: #1d4f91; --second: #b0722a; --faint: #1d4f9140; --miss: #b3261e;
      --shadow: 0 1px 2px rgb(26 34 48 / 6%), 0 4px 16px rgb(26 34 48 / 4%);
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #0e131a; --panel: #161d27; --sunken: #1d2632; --ink: #e6eaf0; --soft: #97a3b4;
        --rule: #283342; --main: #82b1f0; --second: #f2c14e; --faint: #82b1f04d; --miss: #ff8a80;
        --shadow: 0 1px 2px rgb(0 0 0 / 40%);
      }
    }

    """

  private static let frame = """
    *, *::before, *::after { box-sizing: border-box; }
    body {
      margin: 0; background: var(--paper); color: var(--ink); -webkit-text-size-adjust: 100%;
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
    }
    main { max-width: 1160px; margin: 0 auto; padding: 28px 20px 48px; }
    h1, h3, p, figure, dl, dd { margin: 0; }
    h1 { font-size: 24px; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
    h3 { font-size: 15px; font-weight: 650; }
    .muted { color: var(--soft); overflow-wrap: anywhere; }
    .figures {
      display: grid; grid-template-columns: repeat(auto-fit, minmax(122px, 1fr)); gap: 12px;
      margin: 20px 0 16px;
    }
    .figures > div, .card, .chart {
      background: var(--panel); border: 1px solid var(--rule); border-radius: 12px;
      box-shadow: var(--shadow); padding: 14px 16px;
    }
    .figures dt { color: var(--soft); font-size: 13px; }
    .figures dd {
      font-size: 22px; font-weight: 600; font-variant-numeric: tabular-nums;
      overflow-wrap: anywhere;
    }
    .blocks { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px;
      grid-auto-flow: dense; }
    .wide { grid-column: 1 / -1; }
    @media (max-width: 760px) {
      main { padding: 20px 12px 32px; }
      .blocks { grid-template-columns: minmax(0, 1fr); }
      .figures { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 8px; }
      .figures > div, .card, .chart { padding: 12px 14px; }
      .figures dd { font-size: 18px; }
    }

    """

  private static let parts = """
    figcaption { display: flex; flex-wrap: wrap; gap: 2px 16px; justify-content: space-between; }
    .legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; color: var(--soft); }
    .key { display: inline-block; width: 14px; height: 3px; margin: 0 6px 4px 0;
      border-radius: 2px; background: currentColor; }
    .key.main { color: var(--main); } .key.second { color: var(--second); }
    .key.faint { color: var(--faint); }
    .plot { position: relative; height: 236px; padding: 10px 6px 40px var(--gutter);
      margin-top: 8px; font-size: 12px; color: var(--soft); font-variant-numeric: tabular-nums; }
    .plot svg { display: block; width: 100%; height: 100%; overflow: visible; }
    .plot path { fill: none; vector-effect: non-scaling-stroke; stroke-width: 2;
      stroke-linejoin: round; stroke-linecap: round; }
    path.grid { stroke: var(--rule); stroke-width: 1; }
    path.main { stroke: var(--main); } path.second { stroke: var(--second); }
    path.faint { stroke: var(--faint); stroke-width: 1.25; }
    path.dot { stroke-width: 6; }
    .left { position: absolute; inset: 10px auto 40px 0; width: calc(var(--gutter) - 1ch); }
    .left span { position: absolute; right: 0; transform: translateY(-50%); white-space: nowrap; }
    .below { position: absolute; inset: auto 6px 18px var(--gutter); height: 18px; }
    .below span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
    .name { position: absolute; right: 6px; bottom: 0; }
    .facts { margin-top: 6px; }
    .facts > div { display: grid; grid-template-columns: minmax(110px, 34%) 1fr; gap: 12px;
      padding: 5px 0; border-top: 1px solid var(--rule); }
    .facts > div:first-child { border-top: 0; }
    .facts dt { color: var(--soft); }
    .facts dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
    .scroll { overflow-x: auto; margin-top: 8px; }
    table { border-collapse: separate; border-spacing: 2px; font-variant-numeric: tabular-nums; }
    table.plain { width: 100%; border-collapse: collapse; }
    .plain th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; }
    .plain th, .plain td { padding: 4px 8px 4px 0; border-bottom: 1px solid var(--rule); }
    .plain .number { text-align: right; }
    .matrix { margin: 0 auto; font-size: 14px; }
    .matrix th { color: var(--soft); font-weight: 500; padding: 2px 8px; }
    .matrix tbody th { text-align: right; }
    .matrix tbody td { min-width: 40px; padding: 6px 4px; text-align: center; border-radius: 5px;
      background: color-mix(in srgb, var(--tint) var(--mix), var(--sunken)); }
    .matrix .hit { --tint: var(--main); --mix: calc(var(--share) * 0.55); }
    .matrix .miss { --tint: var(--miss); --mix: calc(14% + var(--share)); }
    .matrix .none { color: var(--soft); background: var(--sunken); opacity: 0.6; }
    @media (max-width: 760px) {
      table.matrix { font-size: 12px; border-spacing: 1px; }
      .matrix th { padding: 1px 3px; }
      .matrix tbody td { min-width: 27px; padding: 5px 1px; border-radius: 4px; }
    }
    .bars { margin-top: 8px; }
    .bars > div { display: grid; grid-template-columns: minmax(36px, max-content) 1fr;
      gap: 12px; align-items: center; padding: 2px 0; }
    .bars dt { color: var(--soft); text-align: right; overflow-wrap: anywhere; }
    .bars dd { display: flex; align-items: center; gap: 8px; font-variant-numeric: tabular-nums; }
    .bars dd::before { content: ""; height: 12px; border-radius: 3px; background: var(--main);
      width: calc(var(--share) * 0.8); }
    pre { margin: 8px 0 0; padding: 12px 14px; border-radius: 8px; background: var(--sunken);
      overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere;
      font: 13px/1.5 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
    """
}
