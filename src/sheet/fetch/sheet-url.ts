import path from 'node:path';
import contentDisposition from 'content-disposition';

/** Names of sheets, packed or not. */
const SHEET_NAME = /[^/]\.(?:csv|tsv|tab|txt|jsonl|ndjson|json)(?:\.gz)?$/i;

/** The CSV export URL of a Google Sheet's page: the page's sheet, else the first one. Undefined for any other URL, including an export link. */
export function googleSheetsExport(page: URL): URL | undefined {
  if (page.hostname !== 'docs.google.com') return undefined;
  const [, published, key, view = ''] =
    /^\/(?:a\/[^/]+\/)?spreadsheets\/(?:u\/\d+\/)?d\/(e\/)?([\w-]+)(?:\/(\w*))?\/?$/.exec(page.pathname) ??
    [];
  if (key === undefined || !/^(?:|edit|view|preview|copy|htmlview|pubhtml)$/.test(view)) return undefined;
  const exported = new URL(
    published ? `/spreadsheets/d/e/${key}/pub?output=csv` : `/spreadsheets/d/${key}/export?format=csv`,
    page.origin,
  );
  const gid = /^#gid=(\d+)/.exec(page.hash)?.[1] ?? page.searchParams.get('gid');
  const resourceKey = page.searchParams.get('resourcekey');
  if (gid) exported.searchParams.set('gid', gid);
  if (gid && published) exported.searchParams.set('single', 'true');
  if (resourceKey) exported.searchParams.set('resourcekey', resourceKey);
  return exported;
}

/** Whether a URL looks like a sign-in page. */
export function isSignInPage({ hostname, pathname }: URL): boolean {
  return (
    /^(?:accounts\.google|login\.(?:microsoftonline|live))\.com$/.test(hostname) ||
    /(?:^|[/._-])(?:log-?_?in|sign-?_?in|service-?login|sso|saml2?|oauth2?|authorize)(?:$|[/._-])/i.test(
      pathname,
    )
  );
}

/**
 * The file name of a downloaded sheet: the server's name for it, else the end of the first of its URLs that looks
 * like the name of a sheet; undefined if there is none.
 */
export function downloadedName(
  disposition: string | undefined,
  addresses: readonly URL[],
): string | undefined {
  const given = dispositionName(disposition);
  if (given !== undefined) return given;
  return addresses.map(({ pathname }) => lastSegment(pathname)).find((name) => SHEET_NAME.test(name));
}

function dispositionName(disposition: string | undefined): string | undefined {
  if (disposition === undefined) return undefined;
  try {
    const { filename = '' } = contentDisposition.parse(disposition).parameters;
    const name = path.posix
      .basename(filename.replaceAll('\\', '/'))
      .replaceAll(/\p{Cc}/gu, '')
      .trim();
    return name === '' ? undefined : name;
  } catch {
    return undefined;
  }
}

function lastSegment(pathname: string): string {
  const segment = path.posix.basename(pathname);
  try {
    return path.posix.basename(decodeURIComponent(segment)).replaceAll(/\p{Cc}/gu, '');
  } catch {
    return segment;
  }
}
