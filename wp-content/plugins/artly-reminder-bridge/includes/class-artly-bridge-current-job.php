<?php
/**
 * The job that this site shows.
 *
 * @package Artly_Reminder_Bridge
 */

defined( 'ABSPATH' ) || exit;

/**
 * Keeps which job every tab and every colleague of this site sees, with what was last known of it.
 *
 * Read from the database each time: the options WordPress loaded when a request began may be older than a start that
 * happened since. Every change says which job it means, so that a late answer about an old job cannot replace a new one.
 */
final class Artly_Bridge_Current_Job {

	const OPTION = '_artly_reminder_bridge_current_job';

	/**
	 * The view that was stored last, or null.
	 *
	 * @return array<string,mixed>|null
	 */
	public function read(): ?array {
		$view = json_decode( $this->stored(), true );
		return is_array( $view ) && isset( $view['jobId'], $view['status'] ) ? $view : null;
	}

	/**
	 * Makes this job the current one.
	 *
	 * @param array<string,mixed> $view A view of the job.
	 */
	public function begin( array $view ): void {
		update_option( self::OPTION, wp_json_encode( $view ), false );
	}

	/**
	 * Keeps what is known now of the current job.
	 *
	 * @param array<string,mixed> $view A view of the job; nothing happens if another job is the current one, or if a
	 *                                  newer view of this one is stored.
	 */
	public function settle( array $view ): void {
		if ( $view['version'] < ( $this->read()['version'] ?? 0 ) ) {
			return;
		}
		$this->change( $view['jobId'], (string) wp_json_encode( $view ) );
	}

	/**
	 * Forgets the current job.
	 *
	 * @param string $job_id The job meant; nothing happens if another job is the current one.
	 */
	public function forget( string $job_id ): void {
		$this->change( $job_id, '' );
	}

	/**
	 * Puts another value in the place of the stored one, if that is still of this job.
	 *
	 * @param string $job_id The job meant.
	 * @param string $value  New value.
	 */
	private function change( string $job_id, string $value ): void {
		global $wpdb;
		$before = $this->stored();
		$view   = json_decode( $before, true );
		if ( ! is_array( $view ) || ! isset( $view['jobId'] ) || $view['jobId'] !== $job_id ) {
			return;
		}
		$wpdb->update(
			$wpdb->options,
			array( 'option_value' => $value ),
			array(
				'option_name'  => self::OPTION,
				'option_value' => $before,
			)
		);
		wp_cache_delete( self::OPTION, 'options' );
	}

	/**
	 * The stored text, or ''.
	 */
	private function stored(): string {
		global $wpdb;
		return (string) $wpdb->get_var( $wpdb->prepare( "SELECT option_value FROM {$wpdb->options} WHERE option_name = %s", self::OPTION ) );
	}
}
