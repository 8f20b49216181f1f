/**
 * The pixi that is installed where the machine has none, by target triple. Checksums as prefix-dev/pixi publishes them
 * beside each file of the release (`pixi-x86_64-unknown-linux-musl.tar.gz.sha256`).
 */
export const pixiRelease: { version: string; sha256: Readonly<Record<string, string>> } = {
  version: '0.76.2',
  sha256: {
    'x86_64-unknown-linux-musl': '255f8930c1d68d7d7914253fa56ed6911229980610cac4b5f55334844f6568f7',
    'aarch64-unknown-linux-musl': 'a9e9d021754fc8a849eae10c119ef1a4b51d05f3dc33fbff4fcaec016a8a26dd',
    'x86_64-apple-darwin': 'e4b33400b8aa86b332e52f8eaa30590a78881998d897973439b382ef57ef0458',
    'aarch64-apple-darwin': '621c771029ecc785dcab3acf1db4671b8b2896e87c87d789160f8ed0d871335c',
    'x86_64-pc-windows-msvc': '8e948f6b67104be30509ab7d91ac1878fdb7920e57e8b433dbfb7297468b102d',
    'aarch64-pc-windows-msvc': 'cc7b2e50b2a81b6e46e55ee576d6319e03a9111400d4b35462a7088e32733c2e',
  },
};
