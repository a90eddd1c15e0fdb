import type { TestContext } from 'node:test';
import { startTestServer, type TestServerOptions, type TestSite } from './testServer.ts';

export const TOKEN = 'a-token-of-the-tests';

export interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what came, whatever it is.
  json: any;
  headers: Headers;
}

/** The operator as a script or a browser speaks to a server. */
export class TestOperator {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** With the token, as a script does. */
  call(path: string, init: RequestInit = {}): Promise<Answer> {
    return this.send(path, { ...init, headers: { authorization: `Bearer ${TOKEN}`, ...init.headers } });
  }

  post(path: string, body?: object): Promise<Answer> {
    return this.call(path, jsonPost(body));
  }

  async send(path: string, init: RequestInit = {}): Promise<Answer> {
    const { status, headers, text } = await this.text(path, init);
    return { status, headers, json: JSON.parse(text) };
  }

  async text(path: string, init: RequestInit = {}) {
    const response = await fetch(`${this.url}${path}`, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  }

  signIn(token: string, headers: Record<string, string> = {}): Promise<Answer> {
    const post = jsonPost({ token });
    return this.send('/operator/session', { ...post, headers: { ...post.headers, ...headers } });
  }

  /** Signs in and gives the cookie, as a browser sends it back. */
  async cookie(): Promise<string> {
    const { headers } = await this.signIn(TOKEN);
    return (headers.get('set-cookie') ?? '').split(';')[0] as string;
  }
}

export function jsonPost(body?: object) {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
}

/** A server with the dashboard on, its first site, and the operator. */
export async function startWithOperator(
  test: TestContext,
  { environment = {}, ...rest }: TestServerOptions = {},
): Promise<Awaited<ReturnType<typeof startTestServer>> & { operator: TestOperator; site: TestSite }> {
  const shop = await startTestServer(test, {
    environment: { ARTLY_ADMIN_TOKEN: TOKEN, ...environment },
    ...rest,
  });
  return Object.assign(shop, { operator: new TestOperator(shop.url), site: shop });
}
