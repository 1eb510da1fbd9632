import { createHash } from 'node:crypto';
import { drawBackground, type Dice } from './background.js';
import { Canvas, LINE_HEIGHT } from './canvas.js';
import { glyphsOf, widthOf } from './glyphs.js';
import { scaleOf, sizeAt1K, type PixelSize } from './image-size.js';
import { COLOUR, paletteOf } from './palette.js';
import { compressPixels, encodePng } from './png.js';
import { wrapText } from './wrap-text.js';

/** Everything that determines the bytes of a rendered image. */
export interface ImageRequest {
  readonly prompt: string;
  /** `nb`, `nb2` or `pro`. */
  readonly model: string;
  readonly aspectRatio: string;
  /** `1K`, `2K` or `4K`. */
  readonly resolution: string;
  /** Size of the first input image, for the aspect ratio `auto`. */
  readonly inputSize?: PixelSize | undefined;
  /** Minimum length of the file; shorter ones are padded with noise. Default 0. */
  readonly imageBytes?: number | undefined;
  /** Draws nothing: a picture of one colour, ten times as quick. Default false. */
  readonly isBlank?: boolean | undefined;
}

const BANANA = [
  '...........tt...',
  '...........tt...',
  '..........yyy...',
  '..........yyy...',
  '..........yyyy..',
  '..........yyyy..',
  '.........yyyyy..',
  '.........yyyys..',
  '........yyyyys..',
  '.......yyyyyys..',
  '......yyyyyys...',
  't...yyyyyyyss...',
  'tyyyyyyyyyss....',
  '.yyyyyyysss.....',
  '..ssssss........',
];
const BANANA_COLOURS = { y: COLOUR.banana, s: COLOUR.bananaShade, t: COLOUR.bananaTip };

function diceOf(digest: Buffer): Dice {
  let state = digest.readUInt32BE(8) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * The largest letters in which the prompt fits the panel: first a low panel that leaves the picture visible and keeps
 * words whole, then all of its height, finally the smallest letters and an ellipsis.
 */
function fitText(prompt: string, width: number, height: number) {
  const tries = [
    ...[5, 4, 3].map((half) => ({ half, height: height * 0.6, keepWords: true })),
    ...[3, 2].map((half) => ({ half, height, keepWords: true })),
    { half: 2, height, keepWords: false },
  ];
  for (const { half, height, keepWords } of tries) {
    const maxLines = Math.floor(height / (LINE_HEIGHT * half));
    if (maxLines < 1) continue;
    const { lines, whole, wordsWhole } = wrapText(prompt, Math.floor(width / half), maxLines);
    if (whole && (wordsWhole || !keepWords)) return { half, lines };
  }
  return { half: 1, lines: wrapText(prompt, width, Math.max(1, Math.floor(height / LINE_HEIGHT))).lines };
}

function drawPanel(canvas: Canvas, request: ImageRequest): void {
  const side = Math.min(canvas.width, canvas.height);
  const padding = Math.round(side * 0.05);
  const footerHalf = side < 480 ? 1 : 2;
  const footerHeight = LINE_HEIGHT * footerHalf + padding;
  const widest = Math.round(Math.min(canvas.width - side * 0.16, side * 1.7));
  const inner = widest - 2 * padding;
  const text = fitText(request.prompt, inner, canvas.height * 0.84 - footerHeight - 2 * padding);
  const height = text.lines.length * LINE_HEIGHT * text.half + footerHeight + 2 * padding;
  const left = Math.round((canvas.width - widest) / 2);
  const top = Math.round((canvas.height - height) / 2);
  const radius = Math.round(padding * 0.6);
  const drop = Math.round(side * 0.012);
  canvas.roundedRectangle(left + drop, top + drop, widest, height, radius, COLOUR.shadow);
  canvas.roundedRectangle(left, top, widest, height, radius, COLOUR.panel);
  for (const [index, line] of text.lines.entries()) {
    const y = top + padding + index * LINE_HEIGHT * text.half;
    canvas.text(line, left + padding, y, text.half, COLOUR.ink);
  }
  const rule = top + height - footerHeight - Math.round(padding / 2);
  canvas.rectangle(left + padding, rule, inner, footerHalf * 2, COLOUR.rule);
  const footerY = rule + Math.round((top + height - rule - LINE_HEIGHT * footerHalf) / 2) + footerHalf * 2;
  canvas.sprite(BANANA, BANANA_COLOURS, left + padding, footerY - footerHalf * 8, footerHalf * 2);
  const footer = glyphsOf(`${request.model} · ${request.aspectRatio} · ${request.resolution}`);
  const footerX = left + padding + inner - widthOf(footer) * footerHalf + footerHalf * 2;
  canvas.text(footer, footerX, footerY, footerHalf, COLOUR.muted);
}

function draw(request: ImageRequest, { width, height }: PixelSize, digest: Buffer): Canvas {
  const canvas = new Canvas(width, height);
  drawBackground(canvas, digest.readUInt8(0), diceOf(digest));
  drawPanel(canvas, request);
  return canvas;
}

const blank = new Map<string, Buffer>();

/** There are few sizes, so each is compressed once. */
function blankPixels(width: number, height: number, scale: number): Buffer {
  const name = `${width} ${height} ${scale}`;
  const known = blank.get(name) ?? compressPixels(new Canvas(width, height), scale);
  blank.set(name, known);
  return known;
}

/**
 * A PNG that shows the prompt: the same bytes for the same request, at any time and in any process, so that a test
 * can compute what a stored image must be. Drawn at 1K and enlarged for 2K and 4K; takes a few milliseconds. The
 * prompt is also in an iTXt chunk.
 */
export function renderImage(request: ImageRequest): Buffer {
  const digest = createHash('sha256')
    .update(JSON.stringify([request.prompt, request.model, request.aspectRatio]))
    .digest();
  const { width, height } = sizeAt1K(request.aspectRatio, request.inputSize);
  const scale = scaleOf(request.resolution);
  return encodePng({
    width: width * scale,
    height: height * scale,
    pixels: request.isBlank
      ? blankPixels(width, height, scale)
      : compressPixels(draw(request, { width, height }, digest), scale),
    palette: paletteOf((digest.readUInt16BE(2) * 360) / 65_536, 30 + digest.readUInt8(4) / 3),
    comments: { Software: 'banana-batch sandbox', Description: request.prompt },
    minBytes: request.imageBytes ?? 0,
  });
}
