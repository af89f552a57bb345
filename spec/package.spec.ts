/** What an installation relies on: the package's manifest, its lock file, and what is in the repository. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const manifest = JSON.parse(read('package.json'));
const lock = JSON.parse(read('package-lock.json'));

/** Where the sources of a built file are. */
const sourceOf = (built: string): string =>
  built.replace(/^\.\/dist\//, 'src/').replace(/(\.d)?\.[tj]s$/, '.ts');

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 100_000_000 });

/** Files that git knows; undefined outside of a checkout, as in an unpacked tarball. */
function tracked(): readonly string[] | undefined {
  try {
    return git('ls-files', '-z').split('\0').filter(Boolean);
  } catch {
    return undefined;
  }
}

describe('the package', () => {
  it('should be callstream, as ES modules for Node 20.19 and later', () => {
    expect(manifest.name).to.equal('callstream');
    expect(manifest.version).to.match(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
    expect(manifest.description).to.be.a('string').and.not.to.equal('');
    expect(manifest.type).to.equal('module');
    expect(manifest.engines).to.deep.equal({ node: '>=20.19' });
    expect(manifest).to.not.have.property('private');
    expect(manifest).to.not.have.property('main');
  });

  it('should be under the LGPL 2.1, with its text', () => {
    expect(manifest.license).to.equal('LGPL-2.1-only');
    expect(read('LICENSE')).to.match(/GNU LESSER GENERAL PUBLIC LICENSE\s+Version 2\.1, February 1999/);
  });

  it('should export its entries with their types first, and its manifest', () => {
    const { './package.json': self, ...entries } = manifest.exports;
    expect(self).to.equal('./package.json');
    expect(Object.keys(entries)).to.deep.equal(['.', './testing']);
    for (const [name, entry] of Object.entries<Record<string, string>>(entries)) {
      expect(Object.keys(entry), name).to.deep.equal(['types', 'default']);
      const { types = '', default: code = '' } = entry;
      expect(types).to.match(/^\.\/dist\/.+\.d\.ts$/);
      expect(code).to.equal(types.replace(/\.d\.ts$/, '.js'));
      expect(existsSync(join(ROOT, sourceOf(code))), sourceOf(code)).to.equal(true);
    }
  });

  it('should have the command callstream', () => {
    expect(manifest.bin).to.deep.equal({ callstream: './dist/cli/main.js' });
    expect(read(sourceOf(manifest.bin.callstream))).to.match(/^#!\/usr\/bin\/env node\n/);
  });

  it('should hold what it is built from and what is told about it', () => {
    expect(manifest.files).to.include.members(['dist', 'src', 'CHANGELOG.md']);
    for (const file of manifest.files.filter((name: string) => name !== 'dist')) {
      expect(existsSync(join(ROOT, file)), file).to.equal(true);
    }
    // npm adds these by itself.
    for (const file of ['README.md', 'LICENSE', 'package.json']) {
      expect(existsSync(join(ROOT, file)), file).to.equal(true);
    }
  });

  it('should depend on these packages and on no other', () => {
    expect(Object.keys(manifest.dependencies)).to.deep.equal([
      '@msgpack/msgpack',
      '@opentelemetry/api',
      'cli-progress',
      'commander',
      'console-table-printer',
      'csv-parse',
      'fp-ts',
      'io-ts',
      'node-rdkafka',
      'rxjs',
      'string-width',
    ]);
    expect(manifest.peerDependencies).to.have.all.keys('tsx');
    expect(manifest.peerDependenciesMeta).to.deep.equal({ tsx: { optional: true } });
    expect(manifest).to.not.have.any.keys(
      'optionalDependencies',
      'bundleDependencies',
      'bundledDependencies',
    );
  });

  it('should have no native dependency but node-rdkafka, nor one that runs scripts', () => {
    const scripted = Object.entries<{
      hasInstallScript?: boolean;
      dev?: boolean;
      devOptional?: boolean;
      optional?: boolean;
      peer?: boolean;
    }>(lock.packages)
      .filter(
        ([, { hasInstallScript, dev, devOptional, optional, peer }]) =>
          hasInstallScript && !(dev || devOptional || optional || peer),
      )
      .map(([path]) => path)
      .filter((path) => path !== '');
    expect(scripted).to.deep.equal(['node_modules/node-rdkafka']);
  });

  it('should have no scripts that run where it is installed', () => {
    expect(manifest.scripts).to.not.have.any.keys('preinstall', 'install', 'postinstall');
  });
});

describe('the lock file', () => {
  it('should be of this manifest', () => {
    const { name, version, license, bin, engines, dependencies, devDependencies, peerDependencies } =
      manifest;
    expect(lock).to.include({ name, version, lockfileVersion: 3 });
    expect(lock.packages['']).to.deep.include({
      dependencies,
      devDependencies,
      peerDependencies,
      engines,
      license,
    });
    expect(Object.keys(lock.packages[''].bin)).to.deep.equal(Object.keys(bin));
  });

  it('should name no registry, and the hash of every package that is installed here', () => {
    const packages = Object.entries<{ resolved?: string; integrity?: string; optional?: boolean }>(
      lock.packages,
    );
    expect(packages.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).to.deep.equal(
      [],
    );
    expect(
      packages
        .filter(([path, { integrity, optional }]) => path !== '' && integrity === undefined && !optional)
        .map(([path]) => path),
    ).to.deep.equal([]);
  });
});

describe('the repository', () => {
  it('should not name the folder that it is checked out in', function () {
    const files = tracked();
    if (files === undefined) return this.skip();
    const folders = [...new Set([ROOT, realpathSync(ROOT)].map((folder) => folder.replace(/\/$/, '')))];
    // A folder like /src or /app is a path that sources may well have for another reason.
    const telling = folders.filter((folder) => folder.split('/').length > 2);
    const found = files.filter((file) => {
      if (!existsSync(join(ROOT, file))) return false;
      const bytes = readFileSync(join(ROOT, file));
      return telling.some((folder) => bytes.includes(folder));
    });
    expect(found).to.deep.equal([]);
  });

  it('should have nothing in it that is built or installed', function () {
    const files = tracked();
    if (files === undefined) return this.skip();
    expect(
      files.filter((file) => /^(node_modules|dist|coverage|\.kafka)\/|\.(tgz|log|cpuprofile)$/.test(file)),
    ).to.deep.equal([]);
  });
});
