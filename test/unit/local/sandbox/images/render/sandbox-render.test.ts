import { inflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { imageSize } from 'image-size';
import { describe, expect, it } from 'vitest';
import { inspectImage } from '../../../../../../src/domain/images/bytes/inspect.js';
import { renderImage } from '../../../../../../src/local/sandbox/index.js';
import { sizeAt1K } from '../../../../../../src/local/sandbox/images/render/image-size.js';

const base = { prompt: 'A calico cat asleep', model: 'pro', aspectRatio: '1:1', resolution: '1K' };

function chunksOf(png: Buffer) {
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    chunks.push({
      type: png.toString('latin1', at + 4, at + 8),
      data: png.subarray(at + 8, at + 8 + length),
    });
    at += length + 12;
  }
  return chunks;
}

function dataOf(png: Buffer, type: string): Buffer {
  const chunk = chunksOf(png).find((candidate) => candidate.type === type);
  if (chunk === undefined) throw new Error(`no ${type} chunk`);
  return chunk.data;
}

describe('a rendered image', () => {
  it.each([
    ['1:1', '1K', 1024, 1024],
    ['16:9', '1K', 1344, 768],
    ['9:16', '2K', 1536, 2688],
    ['from_prompt', '4K', 4096, 4096],
    ['8:1', '1K', 2816, 352],
  ])('of %s at %s is a complete PNG of %i × %i', async (aspectRatio, resolution, width, height) => {
    const image = renderImage({ ...base, aspectRatio, resolution });
    expect(imageSize(image)).toMatchObject({ type: 'png', width, height });
    expect(await inspectImage(image)).toEqual({ kind: 'image', type: 'png', width, height });
    expect(inflateSync(dataOf(image, 'IDAT'))).toHaveLength((width / 2 + 1) * height);
  });

  it('is the same for the same request, and differs for another prompt, model or ratio', () => {
    const image = renderImage(base);
    expect(renderImage({ ...base }).equals(image)).toBe(true);
    for (const change of [{ prompt: 'A calico cat awake' }, { model: 'nb2' }, { aspectRatio: '3:2' }]) {
      expect(renderImage({ ...base, ...change }).equals(image)).toBe(false);
    }
  });

  it('shows prompts in any script, and contains them as text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), async (prompt) => {
        const image = renderImage({ ...base, prompt });
        expect((await inspectImage(image)).kind).toBe('image');
        expect(dataOf(image, 'IDAT').length).toBeGreaterThan(100);
        const texts = chunksOf(image).filter(({ type }) => type === 'iTXt');
        const description = texts.find(({ data }) => data.toString('utf8').startsWith('Description'));
        expect(description?.data.subarray('Description'.length + 5).toString('utf8')).toBe(
          Buffer.from(prompt).toString('utf8'),
        );
      }),
      { numRuns: 12 },
    );
  });

  it('is padded to exactly the requested length, and stays valid', async () => {
    const image = renderImage({ ...base, imageBytes: 300_000 });
    expect(image).toHaveLength(300_000);
    expect((await inspectImage(image)).kind).toBe('image');
    expect(renderImage({ ...base, imageBytes: 10 }).equals(renderImage(base))).toBe(true);
  });

  it('is whole if it is blank too, and differs for another prompt or size', async () => {
    const blank = renderImage({ ...base, isBlank: true });
    expect(await inspectImage(blank)).toEqual(await inspectImage(renderImage(base)));
    expect(renderImage({ ...base, isBlank: true }).equals(blank)).toBe(true);
    for (const change of [{ prompt: 'A calico cat awake' }, { resolution: '2K' }]) {
      const other = renderImage({ ...base, ...change, isBlank: true });
      expect(other.equals(blank)).toBe(false);
      expect(await inspectImage(other)).toEqual(await inspectImage(renderImage({ ...base, ...change })));
    }
  });

  it('of the ratio auto has the ratio of the first input image', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 1, max: 5000 }),
        (inputWidth, inputHeight) => {
          const { width, height } = sizeAt1K('auto', { width: inputWidth, height: inputHeight });
          expect(width % 16).toBe(0);
          expect(height % 16).toBe(0);
          expect(width * height).toBeGreaterThan(900_000);
          expect(width * height).toBeLessThan(1_200_000);
          const wanted = Math.min(8, Math.max(1 / 8, inputWidth / inputHeight));
          expect(Math.abs(Math.log(width / height / wanted))).toBeLessThan(0.05);
        },
      ),
    );
  });
});
