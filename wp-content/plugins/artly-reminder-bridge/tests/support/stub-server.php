<?php
/**
 * A small Artly Sync server, for PHP's own web server: it keeps one file with its job, its requests and what it was
 * told to do. ARTLY_STUB_STATE names the file.
 *
 * @package Artly_Reminder_Bridge
 */

$artly_file = fopen( getenv( 'ARTLY_STUB_STATE' ), 'c+' );
flock( $artly_file, LOCK_EX );
$artly_state = json_decode( (string) stream_get_contents( $artly_file ), true );
$artly_state = is_array( $artly_state ) ? $artly_state : array();

/**
 * Keeps the state and answers.
 *
 * @param int          $status HTTP status.
 * @param array|string $body   Body; an array becomes JSON.
 */
function artly_stub_answer( int $status, $body ): void {
	global $artly_file, $artly_state;
	ftruncate( $artly_file, 0 );
	rewind( $artly_file );
	fwrite( $artly_file, json_encode( $artly_state ) );
	flock( $artly_file, LOCK_UN );
	http_response_code( $status );
	header( 'Content-Type: ' . ( is_array( $body ) ? 'application/json' : 'text/html' ) );
	echo is_array( $body ) ? json_encode( $body ) : $body;
	exit;
}

$artly_path  = parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH );
$artly_body  = file_get_contents( 'php://input' );
$artly_is_gz = 'gzip' === ( $_SERVER['HTTP_CONTENT_ENCODING'] ?? '' );

$artly_state['requests'][] = array(
	'method'  => $_SERVER['REQUEST_METHOD'],
	'uri'     => $_SERVER['REQUEST_URI'],
	'headers' => array_change_key_case( getallheaders() ),
	'body'    => $artly_is_gz ? gzdecode( $artly_body ) : $artly_body,
);

$artly_told = $artly_state['answer'][ $artly_path ] ?? $artly_state['answer']['*'] ?? null;
if ( null !== $artly_told ) {
	foreach ( $artly_told['headers'] ?? array() as $artly_header ) {
		header( $artly_header );
	}
	artly_stub_answer( $artly_told['status'], $artly_told['body'] );
}
if ( '/healthz' === $artly_path ) {
	artly_stub_answer( 200, array( 'success' => true, 'status' => 'ok', 'name' => 'artly-sync', 'version' => '1' ) );
}
if ( 'the-right-key' !== ( $_SERVER['HTTP_X_ARTLY_SECRET'] ?? '' ) ) {
	artly_stub_answer( 401, array( 'success' => false, 'error' => 'WRONG_KEY', 'message' => 'Wrong key.' ) );
}
if ( '/artly/sync/jobs' === $artly_path ) {
	artly_stub_answer( 200, array( 'success' => true, 'jobs' => array(), 'nextCursor' => null ) );
}
if ( '/artly/sync/points-balances/start' === $artly_path ) {
	usleep( 1000 * ( $artly_state['start_takes_ms'] ?? 0 ) );
	$artly_number       = count( $artly_state['started'] ?? array() ) + 1;
	$artly_state['job'] = array(
		'jobId'       => "job-{$artly_number}",
		'status'      => 'pending',
		'progress'    => 0,
		'processed'   => 0,
		'total'       => count( json_decode( gzdecode( $artly_body ), true ) ),
		'inserted'    => 0,
		'updated'     => 0,
		'unchanged'   => 0,
		'rejected'    => 0,
		'stepMessage' => 'Waiting for its turn.',
		'error'       => null,
		'version'     => 1,
	);

	$artly_state['started'][] = "job-{$artly_number}";
	artly_stub_answer( 202, array( 'success' => true, 'jobId' => "job-{$artly_number}", 'message' => 'Accepted.' ) );
}

$artly_wants_ticket = 1 === preg_match( '#^/artly/sync/jobs/([^/]+)/ticket$#', $artly_path, $artly_match );

$artly_given = $artly_match[1] ?? $_GET['jobId'] ?? json_decode( $artly_body, true )['jobId'] ?? '';
if ( ( $artly_state['job']['jobId'] ?? null ) !== $artly_given ) {
	artly_stub_answer( 404, array( 'success' => false, 'error' => 'JOB_NOT_FOUND', 'message' => 'No such job.' ) );
}
if ( '/artly/sync/points-balances/cancel' === $artly_path ) {
	$artly_state['job']['status'] = 'cancelled';
	++$artly_state['job']['version'];
	artly_stub_answer( 200, array( 'success' => true, 'message' => 'Cancelled.', 'jobId' => $artly_given ) );
}
if ( $artly_wants_ticket ) {
	artly_stub_answer( 201, array( 'success' => true, 'ticket' => 'a-ticket+/=', 'expiresAt' => '2026-01-01T00:01:00.000Z' ) );
}
artly_stub_answer( 200, array( 'success' => true, 'job' => $artly_state['job'] ) );
