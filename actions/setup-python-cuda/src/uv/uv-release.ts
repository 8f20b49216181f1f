/**
 * The uv that is installed where the machine has none. Every file that may be installed is pinned by its SHA-256.
 */

/** uv from the Python package index, as a hashed requirements file for all platforms (`uv pip compile --generate-hashes`). */
export const uvRequirement = {
  version: '0.13.9',
  hashes: [
    '16963d19594e18d746a70c7fce82237bde4f2cac4cfcf0ca2b84796fe9d0c6e9',
    '2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25',
    '3eeeb51a267a2144640fcd8f38d4a2f63439b39bc47445fd84727c3fc462c843',
    '5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe',
    '56ec37616c00220032fc7b8c9d0ef51367fd0d70d9cd6ddd841660f949f84fed',
    '66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63',
    '6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b',
    '6b0c7b9f47a5d011939d61e324d3fe18a8bc155d8dd53add738709a92f290a7c',
    '6d5114bba238adddacb32fb11904f2b3ff4e988f8e9ff0d8d3b5e9822cf836b8',
    '7ec1e1dd9b6cb335c301afdf877989df384227313981850755a59561f75e4ab8',
    'a2ee66fe8b6608e1482ab1bde5799da04705c1cb40324c7f66054ecf46ae6e40',
    'a6e845f387e4ed55bb59342957a9179e24a631fcc7668bda3426ae1cef8ed4b9',
    'c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5',
    'c5dbdb7c8737cd183a9dce95b39cfd1f3d54ec2a27a1bb58f160293f9ba2c805',
    'd7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19',
    'db5c8df7145c21ffea9c0f74e38823bac3af60cbadf0e26b8633f08627b17bab',
    'dd6f4f93ddf8a668c73f0945f3638444b2140a4e15a3912067493fc6335543e4',
    'ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375',
    'eeb92051c2123b9730c46b04cc843cfa4bc7d7b0aec56df431a2215ef4cb0273',
  ],
} as const;

/** An archive on uv's release page, by target triple. */
export interface UvRelease {
  version: string;
  sha256: Readonly<Record<string, string>>;
}

/**
 * uv's own release, for machines without Python. Checksums as astral-sh publishes them with setup-uv
 * (src/download/checksum/known-checksums.json).
 */
export const uvRelease: UvRelease = {
  version: '0.12.5',
  sha256: {
    'x86_64-unknown-linux-gnu': '68a509da24b06b4223a1c0175fb5eb5bc79342b76cbeff0cfe51ac3f5b17b6b2',
    'x86_64-unknown-linux-musl': 'a4742988791c9aeae68c78150d6cba762062ad2a47e53738c2779d2b596bfcdb',
    'aarch64-unknown-linux-gnu': '9bf43b4d1a07665bf64d4c4e710930b382321a785e0eb10aac07f46471f86a31',
    'aarch64-unknown-linux-musl': '8767a0e77f2cd45436401b1b42bf7e9ed5a4a91a74a5305d6fe93249d0f6dbc5',
    'i686-unknown-linux-gnu': '4875a06092c3b0aa8ece5265a42b053dfef649adba26434b5e40eeb58c2a2aa5',
    'i686-unknown-linux-musl': 'b920f32f0910be363f770485117e08494eec0b09abb4f3f9f1f9b9f53a29394c',
    'powerpc64le-unknown-linux-gnu': 'af3f868fc8af2c3a688b1a202cbed507ec5bb32522876141f1b7f4200ed0395f',
    's390x-unknown-linux-gnu': '858d51fd178fe99c69923cef568fbac3f297f3767c0e0d985aa172bc1f3e2274',
    'riscv64gc-unknown-linux-gnu': '2a6fe4a685225082d82f8afba169d038d669f85bf6cff7f5f733079a7b7282d5',
    'riscv64gc-unknown-linux-musl': 'c7fc653d16f0214eaaf2b3af537ec917af4861e3d00c0f10e0784fe4cbc1dcd6',
    'x86_64-apple-darwin': 'b3b2137477cf96c9686ebfb71524614cec780c673fd73e59bce099aef02e70e8',
    'aarch64-apple-darwin': '5bb0e5fe008a773c3dbcb97ff79cd89e1241464fe9d2f986d52ad8f1b037bd62',
    'x86_64-pc-windows-msvc': '4c4d49d8738847d9b71ba319e49a5688c93eac0fe6204b1df24e98528dddf39a',
    'aarch64-pc-windows-msvc': '724279317fee6e5fa8ad1908e4eba2bbe764ef1ece5b3f4597927b62b1fe562a',
    'i686-pc-windows-msvc': 'a5993a7c2e75b418e60d5ed733204222330085b14e85269545b084c273c1629b',
  },
};

/** The requirements file that pip installs uv from. */
export function uvRequirementsFile(): string {
  const { version, hashes } = uvRequirement;
  return `uv==${version}${hashes.map((hash) => ` \\\n    --hash=sha256:${hash}`).join('')}\n`;
}

/** The target triple of uv's archives; undefined where uv has none. */
export function targetTriple(platform: NodeJS.Platform, arch: string, musl: boolean): string | undefined {
  const cpu = {
    x64: 'x86_64',
    arm64: 'aarch64',
    ia32: 'i686',
    ppc64: 'powerpc64le',
    s390x: 's390x',
    riscv64: 'riscv64gc',
  }[arch];
  const system = {
    linux: musl ? 'unknown-linux-musl' : 'unknown-linux-gnu',
    darwin: 'apple-darwin',
    win32: 'pc-windows-msvc',
  }[platform as string];
  return cpu && system ? `${cpu}-${system}` : undefined;
}
