// The exact histograms of the metrics file: log-linear buckets as src/load/measure/histogram.h defines them.
// 2,048 buckets of 1 ns, then 1,024 per octave.
import type { HistogramData } from "./model";

const BLOCK = 1024;

export function bucketLow(bucket: number): number {
  if (bucket < 2 * BLOCK) return bucket;
  const shift = Math.floor(bucket / BLOCK) - 1;
  return (bucket - shift * BLOCK) * 2 ** shift;
}

export function bucketHigh(bucket: number): number {
  return bucketLow(bucket + 1) - 1;
}

// ns; the middle of a bucket, held within the true extremes, as percentile() gives it.
function valueOf(bucket: number, h: HistogramData): number {
  const middle = bucketLow(bucket) + (bucketHigh(bucket) - bucketLow(bucket)) / 2;
  return Math.min(Math.max(middle, h.min_ns), h.max_ns);
}

export function samples(h: HistogramData): number {
  return h.buckets.reduce((sum, [, n]) => sum + n, 0);
}

export interface CurvePoint {
  below: number; // share of the samples at or below the value, of 0 … 1
  ms: number;
}

// The percentile curve: a point per bucket that holds samples.
export function curve(h: HistogramData): CurvePoint[] {
  const total = samples(h);
  let seen = 0;
  return h.buckets.map(([bucket, n], i) => {
    seen += n;
    const last = i === h.buckets.length - 1;
    return { below: seen / total, ms: (last ? h.max_ns : valueOf(bucket, h)) / 1e6 };
  });
}
