import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** A key and a certificate for 127.0.0.1 that only clients with its file trust, both PEM. */
export interface LoopbackCertificate {
  readonly key: Buffer;
  readonly cert: Buffer;
  /** For NODE_EXTRA_CA_CERTS. */
  readonly certPath: string;
}

/** Makes a certificate in `folder` by the `openssl` command. */
export async function loopbackCertificate(folder: string): Promise<LoopbackCertificate> {
  const [keyPath, certPath] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
  ];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...request, ...subject, '-keyout', keyPath, '-out', certPath], { stdio: 'pipe' });
  return { key: await readFile(keyPath), cert: await readFile(certPath), certPath };
}
