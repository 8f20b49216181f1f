declare module '@vercel/ncc' {
  interface Options {
    cache: false | string;
    minify?: boolean;
    quiet: boolean;
    target: string;
    transpileOnly: boolean;
    minify: boolean;
  }
  export interface Module {
    /** Path of the file, for modules that are one. */
    resource?: string;
    modules?: Iterable<Module>;
  }
  export interface Compilation {
    modules: Iterable<Module>;
    moduleGraph: { getIncomingConnections(module: Module): Iterable<{ originModule: Module | null }> };
  }
  interface Result {
    code: string;
    /** Further files of the bundle by name. */
    assets: Record<string, { source: string | Uint8Array }>;
    /** Webpack's account of the build. */
    stats: { compilation: Compilation };
  }
  export default function ncc(entry: string, options: Options): Promise<Result>;
}
