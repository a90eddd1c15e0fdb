/**
 * The script of the plugin's pages: starts, watches and cancels the sync, and tests the connection.
 *
 * A classic script, after live.ts: it must run on WordPress 6.1, which knows no script modules. WordPress makes every
 * sentence and every view of the job; this only shows them, and the numbers that come live.
 */

type Status = 'idle' | 'pending' | 'running' | 'completed' | 'failed' | 'cancelled';

/** A job as Artly_Bridge_Job_View makes it. `problem` is there only where the server could not be asked. */
interface JobView {
  jobId: string;
  status: Status;
  processed: number;
  total: number;
  updated: number;
  rejected: number;
  progress: number;
  message: string;
  error: string | null;
  version: number;
  label: string;
  headline: string;
  detail: string;
  problem?: string;
}

interface PageSettings {
  ajaxUrl: string;
  nonce: string;
  actions: { start: string; status: string; cancel: string; ticket: string; test: string };
  finalCodes: string[];
  startingCode: string;
  canStart: boolean;
  job: JobView | null;
  collecting: JobView;
  texts: {
    siteSilent: string;
    siteUnclear: string;
    signedOut: string;
    trying: string;
    notStarted: string;
    cancelling: string;
    testing: string;
  };
}

// biome-ignore lint/correctness/noUnusedVariables: adds to the Window of the browser.
interface Window {
  artlySync?: PageSettings;
}

(() => {
  const POLL_EVERY_MS = 1500;
  const POLL_EVERY_MS_WHILE_LIVE = 15_000;
  const POLL_AT_LEAST_EVERY_MS = 30_000;
  const ANSWER_WITHIN_MS = 45_000;

  /** The site did not do what was asked. `final`: asking again is of no use; `unclear`: it may have done it. */
  class Failure extends Error {
    readonly code: string;
    readonly final: boolean;
    readonly unclear: boolean;

    constructor(message: string, { code = '', final = false, unclear = false } = {}) {
      super(message);
      this.code = code;
      this.final = final;
      this.unclear = unclear;
    }
  }

  /** Asks WordPress. Every failure flies as a Failure with a sentence for the person. */
  class Site {
    readonly #settings: PageSettings;

    constructor(settings: PageSettings) {
      this.#settings = settings;
    }

    async ask<Answer>(action: string, fields: Record<string, string>, withinMs?: number): Promise<Answer> {
      const { ajaxUrl, nonce, texts } = this.#settings;
      const abort = new AbortController();
      const timer = withinMs === undefined ? undefined : window.setTimeout(() => abort.abort(), withinMs);
      try {
        const response = await fetch(ajaxUrl, {
          method: 'POST',
          credentials: 'same-origin',
          body: new URLSearchParams({ action, nonce, ...fields }),
          signal: abort.signal,
        });
        return this.#read<Answer>(await response.text());
      } catch (error) {
        throw error instanceof Failure ? error : new Failure(texts.siteSilent, { unclear: true });
      } finally {
        window.clearTimeout(timer);
      }
    }

    #read<Answer>(body: string): Answer {
      const { finalCodes, texts } = this.#settings;
      // WordPress itself answers with a bare 0 when nobody is signed in.
      if (body.trim() === '0') throw new Failure(texts.signedOut, { final: true });
      const answer = parse(body);
      if (answer === undefined) throw new Failure(texts.siteUnclear, { unclear: true });
      if (answer.success) return answer.data as Answer;
      const { code = '', message = texts.siteUnclear } = answer.data as { code?: string; message?: string };
      throw new Failure(message, { code, final: finalCodes.includes(code) });
    }
  }

  class SyncPage {
    readonly #settings: PageSettings;
    readonly #site: Site;
    readonly #number: Intl.NumberFormat;
    readonly #root = element('artly-sync');
    readonly #startButton = element<HTMLButtonElement>('artly-sync-start');
    readonly #cancelButton = element<HTMLButtonElement>('artly-sync-cancel');

    /** The running job; '' while none runs or its id is not known yet. */
    currentJobId = '';
    #shown: JobView;
    readonly #live: ArtlyLiveConnection;
    /** The newest event that has not been dealt with. */
    #heard: ArtlyLiveJob | undefined;
    #timer: number | undefined;
    #failures = 0;
    /** Raised by every act of the person: an answer to a question from before is out of date. */
    #turn = 0;
    #isAsking = false;
    #isActing = false;
    #isOver = false;

    constructor(settings: PageSettings, job: JobView) {
      this.#settings = settings;
      this.#site = new Site(settings);
      this.#number = numberFormat();
      this.#shown = job;
      this.#live = new ArtlyLiveConnection({
        askAddress: (jobId) => this.#askLiveAddress(jobId),
        onJob: (heard) => {
          this.#heard = heard;
          this.#catchUp();
        },
        onCut: () => this.#pollLater(),
      });
    }

    begin(): void {
      element('artly-sync-no-script').hidden = true;
      this.#startButton.addEventListener('click', () => void this.#start());
      this.#cancelButton.addEventListener('click', () => void this.#cancel());
      // Another tab or a colleague may have started a sync while nobody looked here.
      window.addEventListener('focus', () => this.#lookAgain());
      document.addEventListener('visibilitychange', () => this.#lookAgain());
      this.#show(this.#shown);
      if (this.#shown.problem !== undefined) this.#showProblem(this.#shown.problem);
      if (this.#isWatching()) void this.#poll();
    }

    async #start(): Promise<void> {
      const before = this.#shown;
      await this.#act(async () => {
        this.currentJobId = '';
        this.#show(this.#settings.collecting);
        try {
          this.#show(await this.#site.ask<JobView>(this.#settings.actions.start, {}));
        } catch (error) {
          const failure = error as Failure;
          // It may be under way all the same: then the site knows, and is asked.
          if (failure.unclear || failure.code === this.#settings.startingCode) return;
          this.#show(before);
          throw failure;
        }
      });
    }

    async #cancel(): Promise<void> {
      await this.#act(async () => {
        setText('artly-sync-status', this.#settings.texts.cancelling);
        const jobId = this.currentJobId;
        this.#show(await this.#site.ask<JobView>(this.#settings.actions.cancel, { jobId }, ANSWER_WITHIN_MS));
      });
    }

    /** Does what the person asked for; polling pauses meanwhile and goes on after it. */
    async #act(work: () => Promise<void>): Promise<void> {
      if (this.#isActing || this.#isOver) return;
      const hadFocus = [this.#startButton, this.#cancelButton].some(
        (button) => button === document.activeElement,
      );
      this.#isActing = true;
      this.#turn += 1;
      this.#failures = 0;
      window.clearTimeout(this.#timer);
      this.#showButtons();
      try {
        await work();
      } catch (error) {
        this.#fail(error as Failure);
      } finally {
        this.#isActing = false;
        this.#showButtons();
        if (hadFocus) this.#focusUsableButton();
        this.#catchUp();
        this.#pollLater();
      }
    }

    /** Asks once how the job stands. Never twice at a time, and never while something is being done. */
    async #poll(): Promise<void> {
      if (this.#isAsking || this.#isActing || this.#isOver) return;
      window.clearTimeout(this.#timer);
      this.#isAsking = true;
      this.#heard = undefined;
      const turn = this.#turn;
      try {
        const jobId = this.currentJobId;
        const job = await this.#site.ask<JobView>(this.#settings.actions.status, { jobId }, ANSWER_WITHIN_MS);
        if (turn === this.#turn) this.#take(job);
      } catch (error) {
        if (turn === this.#turn) this.#fail(error as Failure);
      } finally {
        this.#isAsking = false;
        this.#catchUp();
        this.#pollLater();
      }
    }

    async #askLiveAddress(jobId: string): Promise<string | null> {
      const { ticket } = this.#settings.actions;
      return (await this.#site.ask<{ events: string | null }>(ticket, { jobId }, ANSWER_WITHIN_MS)).events;
    }

    /** Takes what came live. The numbers are shown as they are; words for another state are WordPress's, which is asked. */
    #catchUp(): void {
      const job = this.#heard;
      if (job === undefined || this.#isActing) return;
      const isNews = job.jobId === this.currentJobId && job.version > this.#shown.version;
      if (isNews && job.status !== this.#shown.status) {
        // A site that does not answer is asked by the timer, which leaves it more and more time.
        if (this.#failures === 0) void this.#poll();
        return;
      }
      this.#heard = undefined;
      if (isNews) this.#show(withNumbers(this.#shown, job));
    }

    #take(job: JobView): void {
      this.#failures = 0;
      const { jobId, status, version } = this.#shown;
      const isOld = job.jobId === jobId && job.version < version;
      const isKnown = job.jobId === jobId && job.status === status && job.version === version;
      // What was said about the last act of the person stays until there is something new to say.
      if (isKnown && !this.#isWatching()) return;
      if (isOld) {
        this.#showProblem(undefined);
        return;
      }
      const wasStarting = status === 'pending' && jobId === '';
      this.#show(job);
      if (wasStarting && job.status === 'idle') this.#showProblem(this.#settings.texts.notStarted);
    }

    #fail(failure: Failure): void {
      this.#failures += 1;
      this.#isOver = failure.final;
      if (failure.final) this.#live.stop();
      const goesOn = this.#isWatching() && !failure.final;
      this.#showProblem(goesOn ? `${failure.message} ${this.#settings.texts.trying}` : failure.message);
      this.#showButtons();
    }

    #pollLater(): void {
      window.clearTimeout(this.#timer);
      if (!this.#isWatching() || this.#isActing || this.#isOver) return;
      const every = this.#live.isLive && this.#failures === 0 ? POLL_EVERY_MS_WHILE_LIVE : POLL_EVERY_MS;
      const delay = Math.min(every * 2 ** this.#failures, POLL_AT_LEAST_EVERY_MS);
      this.#timer = window.setTimeout(() => void this.#poll(), delay);
    }

    #lookAgain(): void {
      if (document.visibilityState === 'visible' && this.#settings.canStart) void this.#poll();
    }

    #isWatching(): boolean {
      return this.#shown.status === 'pending' || this.#shown.status === 'running';
    }

    #show(job: JobView): void {
      this.#shown = job;
      this.currentJobId = this.#isWatching() ? job.jobId : '';
      this.#root.dataset.state = job.status;
      this.#root.toggleAttribute('data-without-job', job.jobId === '');
      setText('artly-sync-label', job.label);
      setText('artly-sync-detail', job.detail);
      setText('artly-sync-percent', `${job.progress}%`);
      setText(
        'artly-sync-count',
        `${this.#number.format(job.processed)} / ${this.#number.format(job.total)}`,
      );
      setText('artly-sync-updated', this.#number.format(job.updated));
      setText('artly-sync-rejected', this.#number.format(job.rejected));
      const rejected = element('artly-sync-rejected').parentElement;
      if (rejected !== null) rejected.hidden = job.rejected === 0;
      const bar = element<HTMLProgressElement>('artly-sync-progress');
      if (this.#isWatching() && job.jobId === '') bar.removeAttribute('value');
      else bar.value = job.progress;
      this.#showProblem(undefined);
      this.#showButtons();
      if (this.currentJobId === '') this.#live.stop();
      else this.#live.follow(job);
    }

    /** A problem takes the place of the sentence about the state; the state itself stays. */
    #showProblem(problem: string | undefined): void {
      this.#root.toggleAttribute('data-problem', problem !== undefined);
      setText('artly-sync-status', problem ?? this.#shown.headline);
    }

    /** A button that was switched off has lost the focus: who works with the keyboard goes on from the other one. */
    #focusUsableButton(): void {
      const usable = this.#cancelButton.disabled ? this.#startButton : this.#cancelButton;
      if (document.activeElement === document.body) usable.focus();
    }

    #showButtons(): void {
      const mayAct = !this.#isActing && !this.#isOver;
      this.#startButton.disabled = !mayAct || this.#isWatching() || !this.#settings.canStart;
      this.#cancelButton.disabled = !mayAct || this.currentJobId === '';
    }
  }

  /** The numbers of a job whose state has not changed, as Artly_Bridge_Job_View gives them. */
  function withNumbers(view: JobView, job: ArtlyLiveJob): JobView {
    const { processed, total, rejected, progress, version, stepMessage } = job;
    const updated = job.inserted + job.updated;
    return {
      ...view,
      ...{ processed, total, updated, rejected, progress, version },
      ...{ message: stepMessage, detail: stepMessage },
    };
  }

  function beginConnectionTest(settings: PageSettings): void {
    const button = element<HTMLButtonElement>('artly-test-connection');
    const result = element('artly-test-result');
    const site = new Site(settings);
    const show = (outcome: 'testing' | 'good' | 'bad', text: string): void => {
      result.dataset.outcome = outcome;
      result.textContent = text;
    };
    const test = async (): Promise<void> => {
      button.disabled = true;
      show('testing', settings.texts.testing);
      try {
        const fields = { url: fieldValue('artly-engine-url'), secret: fieldValue('artly-engine-secret') };
        show(
          'good',
          (await site.ask<{ message: string }>(settings.actions.test, fields, ANSWER_WITHIN_MS)).message,
        );
      } catch (error) {
        show('bad', (error as Failure).message);
      } finally {
        button.disabled = false;
      }
    };
    button.disabled = false;
    button.addEventListener('click', () => void test());
  }

  function parse(body: string): { success: boolean; data?: unknown } | undefined {
    try {
      const answer: unknown = JSON.parse(body);
      const isAnswer =
        typeof answer === 'object' && answer !== null && 'success' in answer && 'data' in answer;
      return isAnswer ? (answer as { success: boolean; data: unknown }) : undefined;
    } catch {
      return undefined;
    }
  }

  /** The language of the page is not always one the browser knows. */
  function numberFormat(): Intl.NumberFormat {
    try {
      return new Intl.NumberFormat(document.documentElement.lang);
    } catch {
      return new Intl.NumberFormat();
    }
  }

  function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
    const found = document.getElementById(id);
    if (found === null) throw new Error(`There is no element #${id}.`);
    return found as Kind;
  }

  /** Leaves text that is the same alone, or a screen reader would read it again. */
  function setText(id: string, text: string): void {
    const target = element(id);
    if (target.textContent !== text) target.textContent = text;
  }

  function fieldValue(id: string): string {
    return element<HTMLInputElement>(id).value;
  }

  const settings = window.artlySync;
  if (settings !== undefined && document.getElementById('artly-sync') !== null && settings.job !== null) {
    new SyncPage(settings, settings.job).begin();
  }
  if (settings !== undefined && document.getElementById('artly-test-connection') !== null) {
    beginConnectionTest(settings);
  }
})();
