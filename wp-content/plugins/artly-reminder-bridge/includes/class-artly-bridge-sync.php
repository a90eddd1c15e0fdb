<?php
/**
 * Starting, watching and cancelling a sync.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * The three things a person can do, each giving a view of the job (Artly_Bridge_Job_View) or a WP_Error; and where the
 * page can watch the job live.
 */
final class Artly_Bridge_Sync {

	/** Seconds the lock outlives the longest start request. */
	const LOCK_MARGIN = 30;

	/**
	 * The job this site shows.
	 *
	 * @var Artly_Bridge_Current_Job
	 */
	private Artly_Bridge_Current_Job $current;

	/**
	 * Lets one start at a time through.
	 *
	 * @var Artly_Bridge_Start_Lock
	 */
	private Artly_Bridge_Start_Lock $lock;

	/**
	 * A sync of this site.
	 */
	public function __construct() {
		$this->current = new Artly_Bridge_Current_Job();
		$this->lock    = new Artly_Bridge_Start_Lock();
	}

	/**
	 * Starts a sync, or gives the one that already runs.
	 *
	 * @return array<string,mixed>|WP_Error A view, with `alreadyRunning`.
	 */
	public function start() {
		if ( ! Artly_Bridge_Settings::is_connected() ) {
			return Artly_Bridge_Failure::of( Artly_Bridge_Failure::NOT_CONFIGURED );
		}
		if ( ! $this->lock->acquire() ) {
			return Artly_Bridge_Failure::of( Artly_Bridge_Failure::ALREADY_STARTING );
		}
		// Also where PHP ends the request, out of time or memory; a killed process leaves the lock to run out.
		register_shutdown_function( array( $this->lock, 'release' ) );
		try {
			$running = $this->running();
			if ( is_wp_error( $running ) ) {
				return $running;
			}
			return null === $running ? $this->start_new() : $running + array( 'alreadyRunning' => true );
		} catch ( Artly_Bridge_Read_Exception $exception ) {
			return Artly_Bridge_Failure::of( Artly_Bridge_Failure::READ_FAILED );
		} finally {
			$this->lock->release();
		}
	}

	/**
	 * How a job stands.
	 *
	 * @param string $job_id  The job, or '' for the one this site shows.
	 * @param int    $timeout Seconds to wait for the server.
	 * @return array<string,mixed>|WP_Error
	 */
	public function status( string $job_id = '', int $timeout = Artly_Bridge_Client::TIMEOUT ) {
		$stored    = $this->current->read();
		$is_active = null !== $stored && Artly_Bridge_Job_View::is_active( $stored['status'] );
		if ( '' === $job_id && ! $is_active && $this->lock->is_held() ) {
			return Artly_Bridge_Job_View::collecting();
		}
		$job_id = '' === $job_id ? (string) ( $stored['jobId'] ?? '' ) : $job_id;
		if ( '' === $job_id ) {
			return Artly_Bridge_Job_View::idle();
		}
		$is_stored = null !== $stored && $stored['jobId'] === $job_id;
		// A completed job never changes again. A failed or cancelled one may have been retried on the server.
		if ( $is_stored && Artly_Bridge_Job_View::COMPLETED === $stored['status'] ) {
			return $stored;
		}
		$view = $this->ask_server( $job_id, $timeout );
		if ( is_wp_error( $view ) ) {
			return $is_stored && ! $is_active ? $stored : $view;
		}
		if ( $is_stored && $stored['status'] !== $view['status'] ) {
			$this->current->settle( $view );
		}
		return $view;
	}

	/**
	 * Cancels a job.
	 *
	 * @param string $job_id The job, or '' for the one this site shows.
	 * @return array<string,mixed>|WP_Error
	 */
	public function cancel( string $job_id = '' ) {
		$stored = $this->current->read();
		$job_id = '' === $job_id ? (string) ( $stored['jobId'] ?? '' ) : $job_id;
		if ( '' === $job_id ) {
			return Artly_Bridge_Failure::of( Artly_Bridge_Failure::NOTHING_TO_CANCEL );
		}
		$answer = artly_reminder_bridge_client()->cancel( $job_id );
		if ( is_wp_error( $answer ) ) {
			return $this->forgotten( $answer, $job_id ) ?? $answer;
		}
		return $this->status( $job_id );
	}

	/**
	 * Where the page can watch a job live. Where it cannot (an older server, or one that is away or refuses), that is an
	 * answer like any other: the page then asks for the status every now and then, and shows what is wrong by itself.
	 *
	 * @param string $job_id The job, or '' for the one this site shows.
	 * @return array{events:string|null,reason:string|null} `events` is an address for one use within a minute; where it
	 *                                                      is null, `reason` is the code of what was in the way.
	 */
	public function live( string $job_id = '' ): array {
		$job_id = '' === $job_id ? (string) ( $this->current->read()['jobId'] ?? '' ) : $job_id;
		$events = '' === $job_id
			? Artly_Bridge_Failure::of( Artly_Bridge_Failure::JOB_NOT_FOUND )
			: artly_reminder_bridge_client()->events_url( $job_id );
		return array(
			'events' => is_wp_error( $events ) ? null : $events,
			'reason' => is_wp_error( $events ) ? (string) $events->get_error_code() : null,
		);
	}

	/**
	 * What was last known of the site's job, without asking the server.
	 *
	 * @return array<string,mixed>
	 */
	public function last_known(): array {
		return $this->current->read() ?? Artly_Bridge_Job_View::idle();
	}

	/**
	 * The site's job, if it has not ended.
	 *
	 * @return array<string,mixed>|WP_Error|null A WP_Error where that cannot be known.
	 */
	private function running() {
		$stored = $this->current->read();
		if ( null === $stored ) {
			return null;
		}
		$view = $this->status( $stored['jobId'] );
		if ( is_wp_error( $view ) ) {
			return $view;
		}
		return Artly_Bridge_Job_View::is_active( $view['status'] ) ? $view : null;
	}

	/**
	 * Collects the balances, hands them over and remembers the job.
	 *
	 * @return array<string,mixed>|WP_Error
	 */
	private function start_new() {
		$source = Artly_Bridge_Sources::chosen();
		if ( null === $source || '' !== $source->unavailable_reason() ) {
			return new WP_Error( Artly_Bridge_Failure::NO_SOURCE, Artly_Bridge_Sources::unavailable_reason(), array( 'status' => 409 ) );
		}
		self::allow_long_work();
		$balances = $this->locked( ( new Artly_Bridge_Collector( $source ) )->balances() );
		$answer   = artly_reminder_bridge_start_balance_sync( $balances );
		if ( is_wp_error( $answer ) ) {
			return $answer;
		}
		$view = Artly_Bridge_Job_View::accepted( $answer['jobId'], $balances->getReturn() );
		$this->current->begin( $view );
		return $view + array( 'alreadyRunning' => false );
	}

	/**
	 * The same balances, keeping the lock alive while they are read, and long enough for sending them after the last.
	 *
	 * @param Generator $balances The balances.
	 * @phpstan-param Generator<int,array<string,mixed>,mixed,int> $balances
	 * @return Generator<int,array<string,mixed>,mixed,int>
	 * @throws Artly_Bridge_Read_Exception Where the lock was lost: somebody else may be starting now.
	 */
	private function locked( Generator $balances ): Generator {
		$renew_at = time() + Artly_Bridge_Start_Lock::SECONDS / 4;
		foreach ( $balances as $balance ) {
			if ( time() >= $renew_at ) {
				$this->hold( Artly_Bridge_Start_Lock::SECONDS );
				$renew_at = time() + Artly_Bridge_Start_Lock::SECONDS / 4;
			}
			yield $balance;
		}
		$this->hold( Artly_Bridge_Client::START_TIMEOUT + self::LOCK_MARGIN );
		return $balances->getReturn();
	}

	/**
	 * Holds the lock for longer.
	 *
	 * @param int $seconds How long.
	 * @throws Artly_Bridge_Read_Exception Where it was lost.
	 */
	private function hold( int $seconds ): void {
		if ( ! $this->lock->extend( $seconds ) ) {
			throw new Artly_Bridge_Read_Exception( 'Reading took so long that the lock ran out.' );
		}
	}

	/**
	 * Asks the server for a job.
	 *
	 * @param string $job_id  The job.
	 * @param int    $timeout Seconds to wait.
	 * @return array<string,mixed>|WP_Error Idle where the server does not know the job.
	 */
	private function ask_server( string $job_id, int $timeout ) {
		$answer = artly_reminder_bridge_get_sync_status( $job_id, $timeout );
		if ( is_wp_error( $answer ) ) {
			return $this->forgotten( $answer, $job_id ) ?? $answer;
		}
		return Artly_Bridge_Job_View::from_job( $answer['job'] );
	}

	/**
	 * Goes back to idle where the server does not know the job.
	 *
	 * @param WP_Error $error  What the server said.
	 * @param string   $job_id The job.
	 * @return array<string,mixed>|null Null where it said something else.
	 */
	private function forgotten( WP_Error $error, string $job_id ): ?array {
		if ( Artly_Bridge_Failure::JOB_NOT_FOUND !== $error->get_error_code() ) {
			return null;
		}
		$this->current->forget( $job_id );
		return Artly_Bridge_Job_View::idle( $error->get_error_message() );
	}

	/**
	 * Asks PHP for the time a large shop needs, where the host allows it, and goes on when the browser is closed.
	 */
	private static function allow_long_work(): void {
		ignore_user_abort( true );
		if ( function_exists( 'set_time_limit' ) ) {
			// phpcs:ignore WordPress.PHP.NoSilencedErrors.Discouraged -- a host may forbid it; then its own limit counts.
			@set_time_limit( 2 * Artly_Bridge_Client::START_TIMEOUT );
		}
	}
}
