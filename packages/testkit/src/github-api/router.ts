import type { Operation } from './compact.ts';

/** Path parameters of a request, decoded, as text. */
export type PathParameters = Record<string, string>;

export interface Match {
  operation: Operation;
  parameters: PathParameters;
}

/** Finds the operation of a request among GitHub's path templates; HEAD is asked for where GET is. */
export interface Router {
  match(method: string, path: string): Match | undefined;
  /** The methods that a path has, for telling an unknown path from a wrong method. */
  methods(path: string): string[];
}

interface Node {
  literals: Map<string, Node>;
  parameter?: Node;
  /** What to call the captured segments depends on the operation, so only their kind is kept here. */
  multiSegment: boolean;
  operations: Map<string, Operation>;
}

interface Found {
  node: Node;
  captured: string[];
}

export function createRouter(operations: Operation[]): Router {
  const root = newNode();
  for (const operation of operations) insert(root, operation);
  const find = (method: string | undefined, path: string): Found | undefined =>
    walk(root, path.split('/').filter(Boolean), [], (node) =>
      method ? node.operations.has(method) : node.operations.size > 0,
    );
  return {
    match(method, path) {
      const described = method === 'HEAD' ? 'GET' : method;
      const found = find(described, path);
      const operation = found?.node.operations.get(described);
      if (!found || !operation) return undefined;
      const names = parameterNames(operation.path);
      return {
        operation,
        parameters: Object.fromEntries(names.map((name, i) => [name, found.captured[i] ?? ''])),
      };
    },
    methods: (path) => [...(find(undefined, path)?.node.operations.keys() ?? [])],
  };
}

function newNode(): Node {
  return { literals: new Map(), multiSegment: false, operations: new Map() };
}

function insert(root: Node, operation: Operation): void {
  let node = root;
  for (const segment of operation.path.split('/').filter(Boolean)) {
    const name = parameterName(segment);
    if (name === undefined) {
      const next = node.literals.get(segment) ?? newNode();
      node.literals.set(segment, next);
      node = next;
    } else {
      node.parameter ??= newNode();
      node = node.parameter;
      node.multiSegment ||= operation.parameters.some(
        (p) => p.name === name && p.in === 'path' && p.multiSegment,
      );
    }
  }
  node.operations.set(operation.method, operation);
}

/** Depth first with backtracking; a literal segment wins over a parameter, a short capture over a long one. */
function walk(
  node: Node,
  segments: string[],
  captured: string[],
  accepts: (node: Node) => boolean,
): Found | undefined {
  const [head, ...rest] = segments;
  if (head === undefined) return acceptEnd(node, captured, accepts);
  const literal = node.literals.get(head);
  const found = literal && walk(literal, rest, captured, accepts);
  if (found || !node.parameter) return found;
  const longest = node.parameter.multiSegment ? segments.length : 1;
  for (let length = 1; length <= longest; length++) {
    const value = segments.slice(0, length).map(decode).join('/');
    const deeper = walk(node.parameter, segments.slice(length), [...captured, value], accepts);
    if (deeper) return deeper;
  }
  return undefined;
}

/** A multi-segment parameter at the end may be empty: `/contents/` is the root folder of a repository. */
function acceptEnd(node: Node, captured: string[], accepts: (node: Node) => boolean): Found | undefined {
  if (accepts(node)) return { node, captured };
  if (node.parameter?.multiSegment && accepts(node.parameter)) {
    return { node: node.parameter, captured: [...captured, ''] };
  }
  return undefined;
}

function parameterNames(path: string): string[] {
  return path.split('/').flatMap((segment) => parameterName(segment) ?? []);
}

/** `{base}...{head}` is left out: the same request is described once more with one parameter, `{basehead}`. */
function parameterName(segment: string): string | undefined {
  return /^\{([^{}]+)\}$/.exec(segment)?.[1];
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
