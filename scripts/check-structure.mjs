/**
 * `npm run structure`: checks src/, or a given folder, against the rules of structure.mjs. Prints a line for each
 * violation, and exits with 1 if there is any.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import { runScript, SetupError } from './setup-error.mjs';
import { HANDS_OVER, LIMITS, MAY_IMPORT } from './structure.mjs';

/** `from '…'`, `import '…'` and `import('…')`, including types. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*'(\.[^'\n]+)'/g;

/** The violations in a folder, as sentences that name the place. */
function structureProblems(folder) {
  const sources = readSources(folder);
  const imports = importsOf(sources);
  return [
    ...crowdedFolders([...sources.keys()]),
    ...longFiles(sources),
    ...rulesInCircles(),
    ...againstDirection(imports),
    ...circles(imports),
  ];
}

/** The text of each source by its path below the folder. */
function readSources(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, '/').length))
    .sort();
  return new Map(files.map((file) => [file, readFileSync(join(folder, file), 'utf8')]));
}

/** The files that each file imports. */
function importsOf(sources) {
  const target = (file, specifier) => {
    const path = normalize(join(dirname(file), specifier));
    return [path, path.replace(/\.js$/, '.ts')].find((name) => sources.has(name)) ?? [];
  };
  return new Map(
    [...sources].map(([file, text]) => [
      file,
      [...new Set([...text.matchAll(SPECIFIER)].flatMap(([, specifier]) => target(file, specifier)))].filter(
        (imported) => !HANDS_OVER.some(([from, to]) => from === file && to === imported),
      ),
    ]),
  );
}

function crowdedFolders(files) {
  const { topFiles, topFolders, entries } = LIMITS;
  const folders = new Map();
  for (const file of files) {
    const names = file.split('/');
    for (const [depth, name] of names.entries()) {
      const above = names.slice(0, depth).join('/');
      folders.set(above, (folders.get(above) ?? new Set()).add(name));
    }
  }
  const top = [...(folders.get('') ?? [])];
  const found = [
    ['src/', 'files', top.filter((name) => !folders.has(name)).length, topFiles],
    ['src/', 'folders', top.filter((name) => folders.has(name)).length, topFolders],
    ...[...folders]
      .filter(([folder]) => folder !== '')
      .map(([folder, names]) => [`src/${folder}/`, 'entries', names.size, entries]),
  ];
  return found
    .filter(([, , count, most]) => count > most)
    .map(([place, what, count, most]) => `${place} has ${count} ${what}, but at most ${most} are allowed.`);
}

function longFiles(sources) {
  return [...sources]
    .map(([file, text]) => [file, text.split('\n').length - 1])
    .filter(([, count]) => count > LIMITS.lines)
    .map(([file, count]) => `src/${file} has ${count} lines, but at most ${LIMITS.lines} are allowed.`);
}

const isWithin = (path, room) => path === room || path.startsWith(`${room}/`);

/** The rooms around a file, the innermost first: `sheet/rows`, `sheet`. */
function roomsOf(file) {
  return Object.keys(MAY_IMPORT)
    .filter((room) => isWithin(file, room))
    .sort((one, other) => other.length - one.length);
}

/** Whether the rules let a room import a file, or another room's own parts. */
function mayUse([own, ...around], target) {
  const room = roomsOf(target)[0];
  if (room === own) return true;
  // Of a surrounding room only what is in none of its inner rooms.
  const isNamed = (named) => (isWithin(own, named) ? room === named : isWithin(target, named));
  return (
    MAY_IMPORT[own].some(isNamed) ||
    // Parts that those rooms list of themselves are for their own use.
    around.some((outer) => MAY_IMPORT[outer].some((named) => !isWithin(named, outer) && isNamed(named)))
  );
}

function againstDirection(imports) {
  const problems = [];
  for (const [file, targets] of imports) {
    const rooms = roomsOf(file);
    if (rooms.length === 0) {
      problems.push(`src/${file} is in none of the rooms that scripts/structure.mjs lists.`);
      continue;
    }
    for (const target of targets.filter((name) => !mayUse(rooms, name))) {
      problems.push(
        `src/${file} imports src/${target}, which is not allowed: scripts/structure.mjs says what ${rooms[0]} may import.`,
      );
    }
  }
  return problems;
}

/** Rules that let rooms import one another, directly or indirectly. */
function rulesInCircles() {
  const rooms = Object.keys(MAY_IMPORT);
  const next = (room) => rooms.filter((other) => other !== room && mayUse(roomsOf(room), other));
  return circlesOf(new Map(rooms.map((room) => [room, next(room)]))).map(
    (circle) => `scripts/structure.mjs lets rooms import in a circle: ${circle}.`,
  );
}

function circles(imports) {
  return circlesOf(imports).map((circle) => `Imports go in a circle: ${circle}.`);
}

/** One circle for each strongly connected part of the graph, written as a path. */
function circlesOf(graph) {
  const found = [];
  const done = new Set();
  const visit = (node, way) => {
    const begin = way.indexOf(node);
    if (begin !== -1) {
      found.push([...way.slice(begin), node].join(' → '));
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
}

await runScript(() => {
  const problems = structureProblems(process.argv[2] ?? fileURLToPath(new URL('../src', import.meta.url)));
  if (problems.length > 0) throw new SetupError(problems.join('\n'));
});
