<?php
/**
 * A job in the format of the page.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Turns a job of the server into what the page shows. The server and the browser both show what is made here, so the
 * page reads the same with and without its script.
 *
 * A view is `{ jobId, status, processed, total, updated, rejected, progress, message, error, version, label, headline,
 * detail }`; the last three are sentences ready to show.
 */
final class Artly_Bridge_Job_View {

	const IDLE      = 'idle';
	const PENDING   = 'pending';
	const RUNNING   = 'running';
	const COMPLETED = 'completed';
	const FAILED    = 'failed';
	const CANCELLED = 'cancelled';

	/**
	 * A job of the server.
	 *
	 * @param array<string,mixed> $job The job as the server gives it.
	 * @return array<string,mixed>
	 */
	public static function from_job( array $job ): array {
		$status = isset( $job['status'] ) && is_string( $job['status'] ) ? $job['status'] : '';
		$error  = is_array( $job['error'] ?? null ) ? $job['error'] : array();
		return self::with_sentences(
			array(
				'jobId'     => self::text( $job, 'jobId' ),
				'status'    => isset( self::labels()[ $status ] ) ? $status : self::PENDING,
				'processed' => self::number( $job, 'processed' ),
				'total'     => self::number( $job, 'total' ),
				// New or changed: for the owner of a shop both are balances that were brought up to date.
				'updated'   => self::number( $job, 'inserted' ) + self::number( $job, 'updated' ),
				'rejected'  => self::number( $job, 'rejected' ),
				'progress'  => min( 100, self::number( $job, 'progress' ) ),
				'message'   => self::text( $job, 'stepMessage' ),
				'error'     => array() === $error ? null : self::text( $error, 'message' ),
				'version'   => self::number( $job, 'version' ),
			)
		);
	}

	/**
	 * A job that the server has just taken.
	 *
	 * @param string $job_id Its id.
	 * @param int    $total  Balances sent.
	 * @return array<string,mixed>
	 */
	public static function accepted( string $job_id, int $total ): array {
		return self::from_job(
			array(
				'jobId'  => $job_id,
				'status' => self::PENDING,
				'total'  => $total,
			)
		);
	}

	/**
	 * A start under way, which has no job yet.
	 *
	 * @return array<string,mixed>
	 */
	public static function collecting(): array {
		return self::without_job( self::PENDING, __( 'The balances of your shop are being collected and sent.', 'artly-reminder-bridge' ) );
	}

	/**
	 * No job.
	 *
	 * @param string $message Why, where there is something to say.
	 * @return array<string,mixed>
	 */
	public static function idle( string $message = '' ): array {
		return self::without_job( self::IDLE, $message );
	}

	/**
	 * No job, and none can be started yet.
	 *
	 * @return array<string,mixed>
	 */
	public static function not_set_up(): array {
		$view          = self::idle( __( 'As soon as the settings are complete, you can start a sync here.', 'artly-reminder-bridge' ) );
		$view['label'] = __( 'Not set up yet', 'artly-reminder-bridge' );
		return $view;
	}

	/**
	 * Whether a job of this status may still change by itself.
	 *
	 * @param string $status Its status.
	 */
	public static function is_active( string $status ): bool {
		return in_array( $status, array( self::PENDING, self::RUNNING ), true );
	}

	/**
	 * A view without a job.
	 *
	 * @param string $status  Idle or pending.
	 * @param string $message What to say, or ''.
	 * @return array<string,mixed>
	 */
	private static function without_job( string $status, string $message ): array {
		$view            = self::from_job( array( 'status' => $status ) );
		$view['message'] = $message;
		return self::with_sentences( $view );
	}

	/**
	 * Adds what a person reads: the state as a word, one sentence about it, and what the server said.
	 *
	 * @param array<string,mixed> $view The view so far.
	 * @return array<string,mixed>
	 */
	private static function with_sentences( array $view ): array {
		$headline = self::headlines()[ $view['status'] ];
		if ( self::COMPLETED === $view['status'] && $view['rejected'] > 0 ) {
			$headline = __( 'The sync is complete, but some balances were rejected.', 'artly-reminder-bridge' );
		}
		$has_job          = '' !== $view['jobId'];
		$view['label']    = self::labels()[ $view['status'] ];
		$view['headline'] = $has_job || '' === $view['message'] ? $headline : $view['message'];
		$view['detail']   = $has_job ? (string) ( $view['error'] ?? $view['message'] ) : '';
		return $view;
	}

	/**
	 * The states as words.
	 *
	 * @return array<string,string>
	 */
	private static function labels(): array {
		return array(
			self::IDLE      => __( 'Ready', 'artly-reminder-bridge' ),
			self::PENDING   => __( 'Waiting', 'artly-reminder-bridge' ),
			self::RUNNING   => __( 'Running', 'artly-reminder-bridge' ),
			self::COMPLETED => __( 'Completed', 'artly-reminder-bridge' ),
			self::FAILED    => __( 'Failed', 'artly-reminder-bridge' ),
			self::CANCELLED => __( 'Cancelled', 'artly-reminder-bridge' ),
		);
	}

	/**
	 * The states as sentences.
	 *
	 * @return array<string,string>
	 */
	private static function headlines(): array {
		return array(
			self::IDLE      => __( 'No sync is running. You can start one at any time.', 'artly-reminder-bridge' ),
			self::PENDING   => __( 'The balances have been handed over. The sync is waiting for its turn.', 'artly-reminder-bridge' ),
			self::RUNNING   => __( 'The sync is running. You may leave this page: it goes on, and you find it here again.', 'artly-reminder-bridge' ),
			self::COMPLETED => __( 'The sync is complete.', 'artly-reminder-bridge' ),
			self::FAILED    => __( 'The sync failed. What was applied before stays, and you can start again.', 'artly-reminder-bridge' ),
			self::CANCELLED => __( 'The sync was cancelled. What was applied before stays, and you can start again.', 'artly-reminder-bridge' ),
		);
	}

	/**
	 * A field as a whole number of at least 0.
	 *
	 * @param array<string,mixed> $fields The fields.
	 * @param string              $name   Name of the field.
	 */
	private static function number( array $fields, string $name ): int {
		return isset( $fields[ $name ] ) && is_numeric( $fields[ $name ] ) ? max( 0, (int) $fields[ $name ] ) : 0;
	}

	/**
	 * A field as text.
	 *
	 * @param array<string,mixed> $fields The fields.
	 * @param string              $name   Name of the field.
	 */
	private static function text( array $fields, string $name ): string {
		return isset( $fields[ $name ] ) && is_string( $fields[ $name ] ) ? $fields[ $name ] : '';
	}
}
