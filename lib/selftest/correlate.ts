/** Where a sound is in what a microphone heard, and how much like it that is. Pure. */

export interface Found {
  /** Sample of `heard` at which `sent` begins. */
  at: number;
  /** 1: nothing but it; 0: nothing of it. */
  correlation: number;
  /** Its loudness beside what was there before it, dB. */
  snrDb: number;
}

/** Below this many samples of `heard` nothing is said about the noise before the sound. */
const leastNoise = 160;

/**
 * The place where `heard` is most like `sent`, whatever its loudness: the cross-correlation, each place by the energy that is
 * there. Null where one of the two is silent, or `heard` is shorter than `sent`.
 */
export function findSound(sent: Int16Array, heard: Int16Array): Found | null {
  const places = heard.length - sent.length + 1, energy = sent.reduce((sum, value) => sum + value * value, 0);
  if (places < 1 || energy === 0) return null;
  const sums = new Float64Array(heard.length + 1); // of squares up to a sample
  heard.forEach((value, n) => sums[n + 1] = sums[n]! + value * value);
  const products = crossCorrelation(sent, heard);
  let at = -1, correlation = 0;
  for (let n = 0; n < places; n++) {
    const there = sums[n + sent.length]! - sums[n]!;
    const like = there > 0 ? products[n]! / Math.sqrt(energy * there) : 0;
    if (like > correlation) [at, correlation] = [n, like];
  }
  if (at < 0) return null;
  const noise = at >= leastNoise ? sums[at]! / at : 0,
    signal = (sums[at + sent.length]! - sums[at]!) / sent.length;
  const snrDb = 10 * Math.log10(Math.max(1, signal - noise) / Math.max(1, noise));
  return { at, correlation: Math.min(1, correlation), snrDb };
}

/** Of each place n: the sum of sent[i] * heard[n + i]. By Fourier transforms, since millions of products take seconds. */
function crossCorrelation(sent: Int16Array, heard: Int16Array): Float64Array {
  const size = 2 ** Math.ceil(Math.log2(sent.length + heard.length));
  // Both are real: one transform does for the two, one as the real and one as the imaginary part.
  const re = new Float64Array(size), im = new Float64Array(size);
  re.set(heard);
  im.set(sent);
  transform(re, im);
  const outRe = new Float64Array(size), outIm = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const other = (size - k) % size;
    const [hr, hi] = [(re[k]! + re[other]!) / 2, (im[k]! - im[other]!) / 2];
    const [sr, si] = [(im[k]! + im[other]!) / 2, (re[other]! - re[k]!) / 2];
    // heard times the conjugate of sent; conjugated once more, since a transform of that is the way back.
    outRe[k] = hr * sr + hi * si;
    outIm[k] = -(hi * sr - hr * si);
  }
  transform(outRe, outIm);
  return outRe.map((value) => value / size);
}

/** A Fourier transform in place; the length is a power of two. */
function transform(re: Float64Array, im: Float64Array): void {
  const size = re.length;
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j]!, re[i]!];
      [im[i], im[j]] = [im[j]!, im[i]!];
    }
  }
  for (let half = 1; half < size; half *= 2) {
    for (let k = 0; k < half; k++) {
      const angle = -Math.PI * k / half, cos = Math.cos(angle), sin = Math.sin(angle);
      for (let i = k; i < size; i += 2 * half) {
        const j = i + half;
        const [r, m] = [re[j]! * cos - im[j]! * sin, re[j]! * sin + im[j]! * cos];
        re[j] = re[i]! - r;
        im[j] = im[i]! - m;
        re[i]! += r;
        im[i]! += m;
      }
    }
  }
}
