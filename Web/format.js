// Turns what the API says into what a person reads. Nothing here invents a figure.

const missing = "–";

// Base units as a decimal string, so no digit passes through floating point.
export function amount(baseUnits, decimals, fractionDigits = 2) {
  if (baseUnits === null || baseUnits === undefined) return missing;
  const whole = BigInt(baseUnits);
  const unit = 10n ** BigInt(decimals);
  const grouped = (whole / unit).toLocaleString("en-US");
  const fraction = (whole % unit).toString().padStart(decimals, "0").slice(0, fractionDigits);
  return fractionDigits > 0 ? `${grouped}.${fraction}` : grouped;
}

export function exactAmount(baseUnits, decimals, symbol) {
  if (baseUnits === null || baseUnits === undefined) return missing;
  return `${amount(baseUnits, decimals, decimals)} ${symbol}`;
}

export function percent(ratio, digits = 1) {
  return typeof ratio === "number" ? `${(ratio * 100).toFixed(digits)} %` : missing;
}

// Small probabilities keep their first digits: 0.0000012 must not read as 0.
export function probability(ratio) {
  if (typeof ratio !== "number") return missing;
  if (ratio === 0) return "0";
  return ratio < 0.001 ? ratio.toExponential(1) : percent(ratio, 1);
}

export function decimal(number, digits = 4) {
  return typeof number === "number" ? number.toFixed(digits) : missing;
}

export function count(number) {
  return typeof number === "number" ? number.toLocaleString("en-US") : missing;
}

// Decimal units, as disks and networks are sold.
export function bytes(number) {
  if (typeof number !== "number") return missing;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let [value, at] = [number, 0];
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

export function clockTime(milliseconds) {
  if (typeof milliseconds !== "number") return missing;
  return new Date(milliseconds).toLocaleTimeString("en-GB");
}

export function age(milliseconds, now = Date.now()) {
  if (typeof milliseconds !== "number") return missing;
  const seconds = Math.max(0, Math.round((now - milliseconds) / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  return `${Math.floor(seconds / 3600)} h ago`;
}

export function duration(seconds) {
  if (typeof seconds !== "number") return missing;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

// Reasons and states arrive as identifiers such as `segment_mismatch`.
export function words(text) {
  return text ? text.replaceAll("_", " ") : missing;
}
