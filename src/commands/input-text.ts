import prettyBytes from 'pretty-bytes';
import type { SheetInput, SheetInputs } from '../sheet/fetch/sheet-inputs.js';
import type { SheetSummary } from '../sheet/index.js';
import { counted } from '../domain/text/full-stop.js';

/** Lines that tell what input images a sheet names; none for a sheet of text alone. */
export function inputsText(
  { rows, inputs }: Pick<SheetSummary, 'rows' | 'inputs'>,
  { images, outside, lent }: Pick<SheetInputs, 'images' | 'outside' | 'lent'>,
): string {
  if (inputs.rows === 0) return '';
  const sizeBytes = images.reduce((sum, { image }) => sum + image.sizeBytes, 0);
  const files = images.length > 0 ? [`${counted(images.length, 'file')} (${prettyBytes(sizeBytes)})`] : [];
  const urls = inputs.urls > 0 ? [counted(inputs.urls, 'URL')] : [];
  const mode = inputs.rows === rows ? 'all images are' : `${inputs.rows} of ${rows} images are`;
  const lines = [`Inputs     ${mode} made from input images: ${[...files, ...urls].join(', ')}\n`];
  if (outside > 0) {
    lines.push(`           ${counted(outside, 'file')} of them outside of the sheet's folder\n`);
  }
  if (lent > 0) {
    lines.push(
      `           ${counted(lent, 's3:// object')} of them, listed in a sheet from the web and read with your credentials\n`,
    );
  }
  return lines.join('');
}

/** The line that tells what a submission would upload besides the sheet; none where that is nothing. */
export function uploadText(missing: readonly SheetInput[]): string {
  if (missing.length === 0) return '';
  const sizeBytes = missing.reduce((sum, { image }) => sum + image.sizeBytes, 0);
  return `Uploads    ${counted(missing.length, 'input image')}, ${prettyBytes(sizeBytes)}\n`;
}

/** The lines that tell of hosts which the service cannot fetch from; none where there are none. */
export function privateHostsText(hosts: readonly string[]): string {
  if (hosts.length === 0) return '';
  const more = hosts.length > 3 ? ', …' : '';
  return `           URLs on ${hosts.slice(0, 3).join(', ')}${more} point to this machine or a private network: BananaHub cannot fetch them, and those rows will fail\n`;
}
