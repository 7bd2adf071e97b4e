// Generated from the server's OpenAPI document by scripts/generate.mjs; not to be edited.

export interface paths {
    "/": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says what answers here, and where to go on: as a page for browsers, else as JSON. */
        get: operations["get_root"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/admin/security/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows the security settings of this server. */
        get: operations["security_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/advanced/mcp/execute": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Not built: answers with the problem `not-built`. */
        post: operations["mcp_execute"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/advanced/mcp/servers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Not built: answers with the problem `not-built`. */
        get: operations["mcp_servers"];
        put?: never;
        /** Not built: answers with the problem `not-built`. */
        post: operations["mcp_add_server"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/advanced/mcp/servers/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Not built: answers with the problem `not-built`. */
        delete: operations["mcp_remove_server"];
        options?: never;
        head?: never;
        /** Not built: answers with the problem `not-built`. */
        patch: operations["mcp_change_server"];
        trace?: never;
    };
    "/api/advanced/mcp/servers/{id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Not built: answers with the problem `not-built`. */
        post: operations["mcp_test_server"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/advanced/mcp/tools": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Not built: answers with the problem `not-built`. */
        get: operations["mcp_tools"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/org": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Not built: answers with the problem `not-built`. */
        get: operations["organisation_report"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/analytics/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Not built: answers with the problem `not-built`. */
        get: operations["usage_report"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists what was done in the caller's organisation, newest first. */
        get: operations["list_entries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One entry of the caller's organisation. */
        get: operations["get_entry"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/{id}/decrypt": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Opens what an entry sealed. */
        post: operations["decrypt_entry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/{id}/payload": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Describes what an entry sealed, or opens it.
         * @description New clients open payloads with `POST /api/audit/{id}/decrypt`.
         */
        get: operations["look_at_payload"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/{id}/proof": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Proves that an entry stands in the log. */
        get: operations["prove_entry"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/checkpoint": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Signs the log of the caller's organisation as it is now. */
        get: operations["get_checkpoint"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Exports the log of the caller's organisation: what `navi audit verify --export` verifies, or a table. */
        get: operations["export_entries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says who the caller is. */
        get: operations["get_me"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/auth/stream-ticket": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Get a ticket for a stream.
         * @description For clients that cannot send a header, such as a browser's `EventSource`: the ticket goes into the
         *     address in place of the token, which must never stand there. It opens the stream that it was asked
         *     for and nothing else, for its bearer as they are now.
         */
        post: operations["issue_stream_ticket"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/connectors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Your connections, without their tokens. */
        get: operations["list_connections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/connectors/{provider}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Your connection to a provider. */
        get: operations["get_connector"];
        /** Store a personal token, or replace it. */
        put: operations["put_connector"];
        post?: never;
        /** Forget your token. */
        delete: operations["delete_connector"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/connectors/{provider}/oauth/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Not built: answers with the problem `not-built`. */
        get: operations["oauth_start"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/connectors/jira/connect": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Store a personal token for Jira, or replace it.
         * @description The same as `PUT /api/connectors/jira` under the names of older clients.
         */
        post: operations["connect_jira"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/connectors/marketplace/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The same as `/api/connectors/status`. */
        get: operations["marketplace_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/connectors/save": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Store a personal token, or replace it.
         * @description The same as `PUT /api/connectors/{provider}` under the names of older clients.
         */
        post: operations["save_connector"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/connectors/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The status of every connector that the operator enables. */
        get: operations["connector_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/generations/{gen_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Your rating of an answer of yours. */
        get: operations["own_rating"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/insights": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the insights learned from ratings, newest first.
         * @description You see the insights of your organisation, your team and your own; administrators see all. A proposed
         *     insight with a quotation is visible to administrators and to the quoted user.
         */
        get: operations["list_insights"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/insights/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read an insight. */
        get: operations["get_insight"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change the text of an insight.
         * @description The analyzer keeps the new text. The same text again changes nothing.
         */
        patch: operations["reword_insight"];
        trace?: never;
    };
    "/api/feedback/insights/{id}/activate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Activate an insight: use it in prompts.
         * @description The same decision again changes nothing.
         */
        post: operations["activate_insight"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/insights/{id}/retire": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retire an insight: use it in prompts no longer.
         * @description The analyzer does not reactivate it. The same decision again changes nothing.
         */
        post: operations["retire_insight"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/learning": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Counts of accepted and rejected answers per choice of temperature and model, by context. */
        get: operations["bandit_report"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/recent": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The ratings of your organisation, page by page. */
        get: operations["recent_ratings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/signals": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Report a signal on an answer of yours.
         * @description Each signal is recorded once. It counts half as much as a rating, and only without one.
         */
        post: operations["note_signal"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Statistics of your organisation's answers and their ratings over the last days.
         * @description A rating belongs to the day of its answer.
         */
        get: operations["feedback_stats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/feedback/submit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Rate an answer of yours, or change the rating.
         * @description A second rating replaces the first, with its reason and comment. The same rating again changes nothing.
         *     The user is taken from the token; other fields are ignored.
         */
        post: operations["submit_rating"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Your jobs, newest first, page by page. */
        get: operations["list_jobs"];
        put?: never;
        /**
         * Ask for work in the background.
         * @description The job goes on when its client disconnects. With an `Idempotency-Key` the same request makes one
         *     job, however often it is sent.
         */
        post: operations["create_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{job_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One job of yours. */
        get: operations["get_job"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{job_id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answer the consent that a job waits for.
         * @description The same as answering its consent; nothing supplied is an error, never an approval.
         */
        post: operations["approve_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{job_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a job. */
        post: operations["cancel_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{job_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow a job, from its beginning or from where you were.
         * @description Leaving changes nothing; come back with `Last-Event-ID` or `after_sequence`, to any server.
         */
        get: operations["follow_job"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{job_id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a job go on.
         * @description A job that paused before an obstacle goes on where it was. Others go on by themselves; for them this is
         *     for clients that want to be sure.
         */
        post: operations["resume_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/jobs/{job_id}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Start a job that was created without starting it. */
        post: operations["start_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the models, what they cost, and whether each can be used. */
        get: operations["list_models"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi-memory/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the caller's conversations, the last used first. */
        get: operations["list_conversations"];
        put?: never;
        /** Begins a conversation. */
        post: operations["create_conversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi-memory/conversations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One conversation of the caller. */
        get: operations["get_conversation"];
        put?: never;
        post?: never;
        /** Deletes a conversation of the caller. */
        delete: operations["delete_conversation"];
        options?: never;
        head?: never;
        /** Changes a conversation of the caller. */
        patch: operations["change_conversation"];
        trace?: never;
    };
    "/api/navi-memory/conversations/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The last messages of a conversation of the caller, oldest first. */
        get: operations["list_messages"];
        put?: never;
        /** Appends a message to a conversation of the caller. */
        post: operations["append_message"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/analyze-changes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Review what changed in a folder since the last commit.
         * @description Nothing is written. The answer is a stream, or the whole review when `Accept` names JSON. A browser that
         *     connects again after the end gets 204, which keeps it from asking once more.
         */
        get: operations["follow_review"];
        put?: never;
        /**
         * Review what changed in a folder since the last commit.
         * @description The same, for clients that send the folder in a body.
         */
        post: operations["ask_for_review"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/chat": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for an answer in text, whole.
         * @description The message `health_check` is answered without asking a model.
         */
        post: operations["answer_chat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/chat/autonomous": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start a run and follow it.
         * @description Answers with the run's events as a stream. Closing the connection ends the run, unless
         *     `on_disconnect` says `continue`; it is then followed as a job.
         */
        post: operations["run_autonomous"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/chat/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask for an answer in text and follow it, in the frames of the oldest clients.
         * @description The chat is the same; most of its frames are known by their keys and have no `type`.
         */
        post: operations["stream_plain_chat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/chat/stream/v2": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ask for an answer in text and follow it. */
        post: operations["stream_chat"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/consent-audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The last decisions about the caller's actions. */
        get: operations["list_audit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/consent-preferences": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The caller's preferences. */
        get: operations["list_preferences"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/consent-preferences/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Forget a preference of the caller. */
        delete: operations["delete_preference"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/consent/{consent_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Answer whether the agent may do something. */
        post: operations["answer_consent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Your jobs, newest first, page by page. */
        get: operations["navi_list_jobs"];
        put?: never;
        /**
         * Ask for work in the background.
         * @description The job goes on when its client disconnects. With an `Idempotency-Key` the same request makes one
         *     job, however often it is sent.
         */
        post: operations["navi_create_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/jobs/{job_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One job of yours. */
        get: operations["navi_get_job"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/jobs/{job_id}/approve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Answer the consent that a job waits for.
         * @description The same as answering its consent; nothing supplied is an error, never an approval.
         */
        post: operations["navi_approve_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/jobs/{job_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a job. */
        post: operations["navi_cancel_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/jobs/{job_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follow a job, from its beginning or from where you were.
         * @description Leaving changes nothing; come back with `Last-Event-ID` or `after_sequence`, to any server.
         */
        get: operations["navi_follow_job"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/jobs/{job_id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Let a job go on.
         * @description A job that paused before an obstacle goes on where it was. Others go on by themselves; for them this is
         *     for clients that want to be sure.
         */
        post: operations["navi_resume_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/jobs/{job_id}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Start a job that was created without starting it. */
        post: operations["navi_start_job"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/next": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Carry out a plan, or ask for its progress.
         * @description The first request for a plan starts its job. Later ones answer as soon as there is news, and within 20 s
         *     in any case. Ask again until `final` is true; the work goes on whether you do or not.
         */
        post: operations["do_plan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a plan, and do nothing yet.
         * @description The plan is kept as a job that waits to be started, for a week. With an `Idempotency-Key` the same request
         *     makes one plan, however often it is sent.
         */
        post: operations["make_plan"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/navi/prompt/{prompt_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Answer a question of a run, or refuse to. */
        post: operations["answer_prompt"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/org/scan/consent": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Not built: answers with the problem `not-built`. */
        post: operations["scan_consent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/org/scan/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Not built: answers with the problem `not-built`. */
        post: operations["scan_pause"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/org/scan/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Not built: answers with the problem `not-built`. */
        post: operations["scan_resume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/org/scan/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Not built: answers with the problem `not-built`. */
        post: operations["scan_revoke"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/org/scan/run": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Not built: answers with the problem `not-built`. */
        post: operations["scan_run"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/org/scan/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Not built: answers with the problem `not-built`. */
        get: operations["scan_status"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/orgs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the caller's organisations: the one that the token names. */
        get: operations["list_organisations"];
        put?: never;
        /** Refuses: organisations come from the identity provider. */
        post: operations["create_organisation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/orgs/invite": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Refuses: members come from the identity provider. */
        post: operations["invite_to_organisation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/orgs/select": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Confirms that the caller works in an organisation. Nothing is stored: the token decides. */
        post: operations["select_organisation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/telemetry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Report events, errors and measurements.
         * @description Events that the response counts as stored are on disk. A batch may be compressed with gzip or zstd
         *     (`Content-Encoding`), and sent again if the response was lost.
         */
        post: operations["post_telemetry"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/telemetry/errors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the error groups of your organisation. */
        get: operations["list_errors"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/telemetry/errors/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read an error group with its last occurrences. */
        get: operations["get_error"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/telemetry/errors/{id}/resolve": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resolve an error group, or reopen it.
         * @description Its occurrences are marked as resolved in the background. A group whose error happens again is
         *     regressed. The same decision again changes nothing.
         */
        post: operations["resolve_error"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/telemetry/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Check that telemetry is accepted. */
        get: operations["get_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/telemetry/performance": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Distributions of the metrics that the clients of your organisation measured. */
        get: operations["get_performance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/telemetry/rates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Event rates of the clients of your organisation, by type and version. */
        get: operations["get_rates"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List your organisation's webhooks. */
        get: operations["list_webhooks"];
        put?: never;
        /**
         * Make a webhook.
         * @description The secret that signs its notices is in this answer alone.
         */
        post: operations["create_webhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete a webhook.
         * @description Notices that wait for it are not sent.
         */
        delete: operations["delete_webhook"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what was sent to a webhook, or is to be sent, newest first.
         * @description Deliveries are kept for 30 days.
         */
        get: operations["list_deliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/webhooks/{id}/deliveries/{delivery_id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a dead delivery again.
         * @description It is sent at once, under the same `webhook-id`, and again over a day if that fails.
         */
        post: operations["retry_delivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The description of this API as a page.
         * @description Needs no token and nothing from elsewhere. With a token of yours it sends requests too.
         */
        get: operations["get_docs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * A file of that page.
         * @description Its name changes with its content, so it may be kept without limit.
         */
        get: operations["get_docs_file"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A sign of life, for old clients. */
        get: operations["navi_get_health"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health-fast": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A sign of life, for old clients. */
        get: operations["get_health_fast"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whether the process runs. */
        get: operations["get_live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whether the process should be sent requests. */
        get: operations["get_ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/startup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says whether the process has been ready once. */
        get: operations["get_startup"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Every metric of this process. */
        get: operations["get_metrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** This document. */
        get: operations["get_openapi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/ping": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Answers `pong`. */
        get: operations["get_ping"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/version": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Says what runs here. */
        get: operations["get_version"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description The object of an action. */
        ActionScope: {
            /** @description The files of code that it runs. What is in them is a part of the digest. */
            code?: string[];
            /** @description The hash of the command and its folder, in hexadecimal digits. */
            digest: string;
            /** @enum {string} */
            sort: "command";
        } | {
            /** @description The files of code that it runs. What is in them is a part of the digest. */
            code?: string[];
            /** @description The hash of its text, its words, its input and its folder. */
            digest: string;
            /** @enum {string} */
            sort: "part";
            /** @description The text that is shown; empty when it is the whole command. */
            text: string;
        } | {
            /** @description Relative to the workspace, or absolute. */
            path: string;
            /** @enum {string} */
            sort: "read";
        } | {
            /** @description Relative to the workspace, or absolute. */
            path: string;
            /** @enum {string} */
            sort: "write";
        } | {
            /** @description Relative to the workspace, or absolute. */
            path: string;
            /** @enum {string} */
            sort: "delete";
        } | {
            /** @description The method. */
            method: string;
            /** @description The options that make it another action. */
            options: string[];
            /** @description Scheme, host, and the port where it is not the usual one. */
            origin: string;
            /** @description The program that sends them. */
            program: string;
            /** @enum {string} */
            sort: "request";
        } | {
            /** @description The folder of the repository, relative to the workspace. */
            folder: string;
            /** @description The options that make it another action. */
            options: string[];
            /** @description As the command names it; empty when it names none. */
            remote: string;
            /** @enum {string} */
            sort: "remote";
            /** @description `push`, `fetch`, `pull` or `clone`. */
            subcommand: string;
        } | {
            /** @description The folder, relative to the workspace. */
            folder: string;
            /** @description The package manager. */
            manager: string;
            /** @description The options that make it another action. */
            options: string[];
            /** @description The packages. */
            packages: string[];
            /** @enum {string} */
            sort: "install";
            /** @description Its subcommand. */
            subcommand: string;
        };
        /**
         * @description Where an activity stands.
         * @enum {string}
         */
        ActivityStatus: "running" | "done" | "error";
        /**
         * @description The kind of actor that caused an event.
         * @enum {string}
         */
        ActorKind: "user" | "development" | "agent" | "operator" | "server" | "stranger";
        /** @description A message to append. */
        AppendMessage: {
            /** @description Its text; at most 512 KiB. */
            content: string;
            /** @description Its metadata; an object of at most 64 KiB. */
            metadata?: {
                [key: string]: unknown;
            } | null;
            /** @description Who says it. */
            role: components["schemas"]["MessageRole"];
            /**
             * Format: u-int32
             * @description The number of tokens, when it was counted.
             */
            tokens_used?: number | null;
        };
        /** @description The answer to a consent. */
        ApprovalData: {
            /** @description The alternative that the person wants. */
            alternative_command?: string | null;
            /** @description The action that was asked about. */
            command: string;
            /** @description The consent; absent when a preference allowed the action and no one was asked. */
            consent_id?: string | null;
            /** @description The decision. */
            decision: components["schemas"]["ApprovalDecision"];
            /** @description The tool call it is about, by the provider's name for it. */
            tool_call_id: string;
        };
        /**
         * @description The decision about an action: the first three are told by `approval_recorded`, the others by `approval_denied`.
         * @enum {string}
         */
        ApprovalDecision: "allowed" | "auto_allowed" | "alternative" | "denied" | "timeout" | "unasked" | "canceled";
        /**
         * ApprovalDeniedEvent
         * @description A consent was refused, or not answered in time.
         * @example {
         *       "type": "approval_denied",
         *       "approval": {
         *         "consent_id": "01a2127f-ee02-7c11-9a40-5d2f0b6c7e18",
         *         "tool_call_id": "call_2",
         *         "decision": "denied",
         *         "command": "rm -r old"
         *       },
         *       "sequence": 15,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606704500
         *     }
         */
        ApprovalDeniedEvent: {
            /** @description The consent and how it ended. */
            approval: components["schemas"]["ApprovalData"];
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "approval_denied";
        };
        /**
         * ApprovalRecordedEvent
         * @description A person allowed what was asked about.
         * @example {
         *       "type": "approval_recorded",
         *       "approval": {
         *         "consent_id": "01a2127f-ee02-7c11-9a40-5d2f0b6c7e18",
         *         "tool_call_id": "call_2",
         *         "decision": "allowed",
         *         "command": "rm -r old"
         *       },
         *       "sequence": 14,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606704400
         *     }
         */
        ApprovalRecordedEvent: {
            /** @description The consent, the choice, and what was chosen instead, if anything. */
            approval: components["schemas"]["ApprovalData"];
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "approval_recorded";
        };
        /** @description The answer to a job's pending consent. */
        Approve: components["schemas"]["WhichConsent"] & components["schemas"]["ConsentAnswer"];
        /** @description An attachment of a request. */
        Attachment: {
            /** @description The text; for an image its data URL or base64. */
            content?: string | null;
            /** @description `image`, or any kind of text: `file`, `selection`, `currentFile`, `diff` … */
            kind: string;
            /** @description The text's language, or the image's media type. */
            language?: string | null;
            /** @description The file's name. */
            name?: string | null;
            /** @description The file's path. */
            path?: string | null;
        };
        /** @description A signed checkpoint. */
        AuditCheckpoint: {
            /** @description The signed text: keep it elsewhere. */
            checkpoint: string;
            /** @description With `since`: the proof that the log continues what it was, RFC 9162 §2.1.4, in base64. */
            consistency?: string[] | null;
            /** @description The hash of the last record, in base64. */
            head: string;
            /** @description The keys that verify it, as `NAME+BASE64` of an Ed25519 key. */
            keys: string[];
            /** @description The root of the tree over them, in base64. */
            root: string;
            /**
             * Format: int64
             * @description The number of records in the log.
             */
            size: number;
        };
        /** @description An entry, under the names that the original gave to what it had. */
        AuditEntry: {
            /** @description The kind of actor. */
            actor_kind: components["schemas"]["ActorKind"];
            /** @description The role in their token. */
            actor_role?: string | null;
            /** @description Who: the token's `sub`; absent when erased. */
            actor_sub?: string | null;
            /**
             * Format: date-time
             * @description When it ended; absent while unknown, as after a crash.
             */
            completed_at?: string | null;
            /**
             * Format: date-time
             * @description When it began.
             */
            created_at: string;
            /**
             * Format: int64
             * @description Its duration, in milliseconds.
             */
            duration_ms?: number | null;
            /** @description True if the fields that identified a person were erased. */
            erased: boolean;
            /** @description The event. */
            event_type: components["schemas"]["AuditEvent"];
            /** @description True if something is sealed with it that can still be opened. */
            has_payload: boolean;
            /**
             * Format: uuid
             * @description The entry.
             */
            id: string;
            /** @description The request's method. */
            method?: string | null;
            outcome?: components["schemas"]["AuditOutcome"] | null;
            /** @description The request. */
            request_id?: string | null;
            /** @description The id of the resource it was done to. */
            resource_id?: string | null;
            /** @description The route's template. */
            route?: string | null;
            /**
             * Format: uuid
             * @description The run that it belongs to.
             */
            run_id?: string | null;
            /**
             * Format: int64
             * @description Its number in the log.
             */
            sequence: number;
            /**
             * Format: int32
             * @description The answer's status.
             */
            status_code?: number | null;
            /** @description Its trace. */
            trace_id?: string | null;
        };
        /**
         * @description An event of the audit log.
         * @enum {string}
         */
        AuditEvent: "http.request" | "tool.call" | "network.connection" | "consent.decided" | "secret.opened" | "vault.rewrapped" | "audit.decrypted" | "audit.exported" | "audit.erased" | "audit.retained" | "audit.handed_over" | "audit.witnessed" | "data.erased" | "workspace.bound" | "workspace.released" | "login.failed" | "config.changed";
        /** @description That a record stands in a log: RFC 9162 §2.1.3. */
        AuditInclusion: {
            /** @description The record's hash, in base64. */
            hash: string;
            /** @description `SHA-256(0x00 ‖ hash)`, in base64. */
            leaf: string;
            /** @description The way to the root, from below, in base64. */
            path: string[];
            /** @description Which part of the entry. */
            phase: components["schemas"]["AuditPhase"];
            /**
             * Format: int64
             * @description The record's number, from 1; the leaf's index is one less.
             */
            sequence: number;
        };
        /** @description A list of entries, in one of its shapes. */
        AuditList: components["schemas"]["AuditPage"] | components["schemas"]["AuditRow"][];
        /**
         * @description The outcome of an action.
         * @enum {string}
         */
        AuditOutcome: "success" | "refused" | "failure" | "abandoned";
        /** @description Some entries, newest first. */
        AuditPage: {
            /** @description The entries. */
            entries: components["schemas"]["AuditEntry"][];
            /**
             * Format: int64
             * @description The `cursor` of the next, older page; absent at the end.
             */
            next_cursor?: number | null;
        };
        /** @description The opened payload of an entry. */
        AuditPayload: {
            /** @description The changes it made: before and after, where that is small. */
            changes?: unknown;
            /**
             * Format: uuid
             * @description The entry.
             */
            id: string;
            /** @description The audit key that sealed it. */
            key_id?: string | null;
            /** @description The request: query and body, without secrets. */
            payload?: unknown;
        };
        /** @description A payload in the shape of older clients, opened or not. */
        AuditPayloadLook: {
            /** @description True if `payload` describes something that is still sealed. */
            encrypted: boolean;
            /**
             * Format: uuid
             * @description The entry.
             */
            id: string;
            /**
             * @description The opened payload: `key_id`, `payload` and `changes`. Unopened, what is known in the clear:
             *     `has_payload`, `key_id`, `sealed_bytes` and `erased`.
             */
            payload: Record<string, never>;
        };
        /**
         * @description Which part of an entry a record is.
         * @enum {string}
         */
        AuditPhase: "begun" | "completed" | "noted";
        /** @description That an entry's records stand in a log. */
        AuditProof: {
            /** @description The checkpoint that the proofs lead to. */
            checkpoint: string;
            /**
             * Format: uuid
             * @description The entry.
             */
            id: string;
            /** @description The keys that verify it. */
            keys: string[];
            /** @description The entry's records. */
            records: components["schemas"]["AuditInclusion"][];
            /**
             * Format: int64
             * @description The number of records it covers.
             */
            size: number;
        };
        /** @description An entry in the shape of older clients. No member that a page computes with is null. */
        AuditRow: {
            /** @description Always null: tokens carry no address that is recorded. */
            actor_email?: string | null;
            /** @description The actor: the token's `sub`; null when erased. */
            actor_sub?: string | null;
            /**
             * Format: date-time
             * @description The time it began.
             */
            created_at: string;
            /** @description The event. */
            event_type: components["schemas"]["AuditEvent"];
            /**
             * Format: uuid
             * @description The entry.
             */
            id: string;
            /** @description The request's method; `EVENT` for an entry that is about no request. */
            method: string;
            /** @description The organisation. */
            org_key: string;
            /** @description The thing it was done to. */
            resource_id?: string | null;
            /** @description The route's template; the event of an entry that is about no request. */
            route: string;
            /**
             * Format: int32
             * @description The answer's status. Where there was no answer, the outcome as a status: 200 success, 403
             *     refused, 500 failure, 499 abandoned, 0 unknown.
             */
            status_code: number;
        };
        /** @description A decision about an action. */
        AuditView: {
            /** @description Command to run instead. */
            alternative_command?: string | null;
            /** @description The action that was decided. */
            command: string;
            /**
             * Format: uuid
             * @description The consent; null when a preference decided.
             */
            consent_id?: string | null;
            /** @description The folder, relative to the workspace. */
            cwd: string;
            /**
             * @description Harm it could do: `low`, `medium`, `high` or `critical`.
             * @enum {string}
             */
            danger_level: "low" | "medium" | "high" | "critical";
            /** @description The decision. */
            decision: components["schemas"]["ConsentDecision"];
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            /**
             * Format: date-time
             * @description When it was asked.
             */
            requested_at: string;
            /**
             * Format: date-time
             * @description When it was decided.
             */
            responded_at: string;
            /**
             * Format: int64
             * @description The time between the two, in milliseconds.
             */
            response_time_ms: number;
            /** @description The conversation of the run. */
            session_id?: string | null;
            /** @description Shell that runs the command; empty when the action is not a command. */
            shell: string;
            /**
             * Format: uuid
             * @description The run.
             */
            task_id: string;
        };
        /** @description Counts of an arm. Ratings weigh half after 30 days, so the counts are not integers. */
        BanditArm: {
            /**
             * Format: double
             * @description Confidence: a twentieth for each trial, at most 1.
             */
            confidence: number;
            /**
             * Format: double
             * @description Weighted ratings down.
             */
            failures: number;
            /**
             * Format: double
             * @description Upper bound of the 95 % interval.
             */
            high: number;
            /**
             * Format: double
             * @description Lower bound of the 95 % interval of the acceptance.
             */
            low: number;
            /**
             * Format: double
             * @description Posterior mean of the acceptance, with a uniform prior.
             */
            mean: number;
            /**
             * Format: double
             * @description Share of ratings up; null without any.
             */
            success_rate?: number | null;
            /**
             * Format: double
             * @description Weighted ratings up.
             */
            successes: number;
            /**
             * Format: double
             * @description Sum of both.
             */
            total_trials: number;
        };
        /** @description Counts of the bandit. */
        BanditReport: {
            /**
             * @description Arms by context, `<task>_<size>_<experience>`, and name; with the suffix `:model` the arms are
             *     models.
             */
            contexts: {
                [key: string]: {
                    [key: string]: components["schemas"]["BanditArm"];
                };
            };
            /**
             * Format: date-time
             * @description Time of the last rating that changed the counts; null without one.
             */
            last_updated?: string | null;
            /** @description Organisation. */
            org_key: string;
        };
        /**
         * CancelRequestedEvent
         * @description The user wants the run to end.
         * @example {
         *       "type": "cancel_requested",
         *       "message": "The run is to end",
         *       "sequence": 28,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606705800
         *     }
         */
        CancelRequestedEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "cancel_requested";
        };
        /** @description Capabilities of a model, or needs of a request. */
        Capabilities: {
            /** @description Answers with JSON when asked to. */
            json: boolean;
            /** @description Answers as a stream. */
            streaming: boolean;
            /** @description Calls tools. */
            tools: boolean;
            /** @description Sees images. */
            vision: boolean;
        };
        /**
         * @description A change made to an event for storage.
         * @enum {string}
         */
        Change: "redacted" | "truncated" | "size_limit_exceeded" | "nul_removed" | "clock_clamped" | "trace_id_dropped" | "run_id_dropped";
        /** @description The changed fields; one that is absent stays. */
        ChangeConversation: {
            /** @description True if the user keeps it on top. */
            is_pinned?: boolean | null;
            /** @description True if the user starred it. */
            is_starred?: boolean | null;
            status?: components["schemas"]["ConversationStatus"] | null;
            /** @description The title, cut at 200 characters. */
            title?: string | null;
        };
        /** @description An event that was changed for storage. */
        ChangedEvent: {
            /** @description Changes. */
            changes: components["schemas"]["Change"][];
            /** @description Index in the batch, from 0. */
            index: number;
        };
        /** @description An activity of a chat. */
        ChatActivity: {
            /** @description The file, or a sentence. */
            detail: string;
            /** @description The file that was read. */
            filePath?: string;
            /**
             * @description `read` or `llm_call`.
             * @enum {string}
             */
            kind: "read" | "llm_call";
            /** @description A few words. */
            label: string;
            /** @description Its status: running, done or failed. */
            status: components["schemas"]["ActivityStatus"];
        };
        /**
         * ChatActivityEvent
         * @description The current activity.
         */
        ChatActivityEvent: {
            /** @description The activity that begins or ends. */
            activity: components["schemas"]["ChatActivity"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "activity";
        };
        /** @description An answer in text, whole. */
        ChatAnswer: {
            /** @description Always empty: this answer never asks the client to act. */
            actions: unknown[];
            /** @description The answer. */
            content: string;
            /** @description Always empty. */
            edits: unknown[];
            /**
             * Format: int64
             * @description The id to rate the answer by.
             */
            gen_id?: number | null;
            /** @description A sentence about what the answer lacks when it was cut off; absent from whole ones. */
            incomplete?: string | null;
            /** @description The model that answered; absent for the health check, which asks none. */
            model?: string | null;
            /** @description The same, under the name that some clients read. */
            reply: string;
            router_info?: components["schemas"]["RouterInfo"] | null;
            /** @description Always empty. */
            sources: unknown[];
            /**
             * @description `ok` in the answer to the health check, and absent from others: old clients print it under the
             *     answer.
             */
            status?: string | null;
        };
        /**
         * ChatCompleteEvent
         * @description The answer is whole.
         */
        ChatCompleteEvent: {
            /** @description Always empty. */
            summary: {
                [key: string]: unknown;
            };
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "complete";
        };
        /** @description An event of a chat; `type` names its kind. Ignore unknown types: new ones may be added. */
        ChatEvent: components["schemas"]["ChatActivityEvent"] | components["schemas"]["ChatTextEvent"] | components["schemas"]["ChatCompleteEvent"] | components["schemas"]["JobResumedEvent"] | components["schemas"]["GenerationLoggedEvent"] | components["schemas"]["ErrorEvent"] | components["schemas"]["HeartbeatEvent"];
        /** @description A frame of an event stream, its `data` read as JSON; of the last frame it is the text `[DONE]`. */
        ChatFrame: {
            /** @description Of the last frame the text `[DONE]`, which is no JSON; of the others an object, known by its `type`. */
            data: components["schemas"]["ChatEvent"] | components["schemas"]["RouterInfoFrame"] | "[DONE]";
            /** @description The event's number, from 1 without gaps; heartbeats and `[DONE]` have none. */
            id?: string;
        };
        /** @description An answer as it arrives, as server-sent events: each `data:` line holds the `data` of a `ChatFrame`, the last one `[DONE]`. */
        ChatStream: string;
        /**
         * ChatTextEvent
         * @description A piece of the answer.
         */
        ChatTextEvent: {
            /** @description The piece. */
            text: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "text";
        };
        /** @description The result of one check. */
        Check: {
            /** @description The result, and the remedy if there is a problem. */
            detail: string;
            /**
             * Format: u-int64
             * @description Duration of the check, in milliseconds.
             */
            latency_ms: number;
            /** @description The thing. */
            name: string;
            /** @description True when it works. */
            ok: boolean;
        };
        /** @description One check as clients see it. */
        CheckData: {
            /** @description The command that ran. */
            command: string;
            /** @description The most telling lines, at most five. */
            errors: string[];
            /** @description The failures that were there before the run changed anything. */
            failed_before: string[];
            /** @description True if it passed. */
            success: boolean;
            /**
             * @description `typecheck`, `lint`, `tests` or `build`.
             * @enum {string}
             */
            type: "typecheck" | "lint" | "tests" | "build";
            /** @description At most five. */
            warnings: string[];
        };
        /**
         * CheckOutputEvent
         * @description Live output of one of the project's checks. Its own type, because old clients append every
         *     `command_output` to the answer that they show and store.
         * @example {
         *       "type": "check_output",
         *       "check_id": "verification_1",
         *       "stream": "stdout",
         *       "line": "1 passed in 0.01s",
         *       "command": "pytest -q",
         *       "timestamp": 1795606704900,
         *       "sequence": 19,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running"
         *     }
         */
        CheckOutputEvent: {
            /** @description `baseline_N` before the first change, `verification_N` after the last, N from 1. */
            check_id: string;
            /** @description The check's command. */
            command: string;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description One line or, for a long burst, several joined by line feeds. */
            line: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /** @description `stdout` or `stderr`. */
            stream: components["schemas"]["OutputStream"];
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "check_output";
        };
        /**
         * CommandOutputEvent
         * @description Live output of a running command.
         * @example {
         *       "type": "command_output",
         *       "tool_call_id": "call_3",
         *       "stream": "stdout",
         *       "line": "1 passed",
         *       "command": "pytest -q",
         *       "timestamp": 1795606704600,
         *       "sequence": 16,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running"
         *     }
         */
        CommandOutputEvent: {
            /** @description The command. */
            command: string;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description One line or, for a long burst, several joined by line feeds. */
            line: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /** @description `stdout` or `stderr`. */
            stream: components["schemas"]["OutputStream"];
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /** @description The tool call it belongs to. */
            tool_call_id: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "command_output";
        };
        /**
         * CompleteEvent
         * @description The run is over. Always the last event.
         * @example {
         *       "type": "complete",
         *       "summary": {
         *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *         "success": true,
         *         "verdict": "done",
         *         "obstacles": [],
         *         "stopped_reason": "completed",
         *         "files_read": [
         *           "paging.py"
         *         ],
         *         "files_modified": [
         *           "paging.py"
         *         ],
         *         "files_created": [],
         *         "files_deleted": [],
         *         "files_renamed": [],
         *         "changes_complete": true,
         *         "iterations": 1,
         *         "verification": "passed",
         *         "tokens": {
         *           "input": 5120,
         *           "output": 130,
         *           "cache_read": 0,
         *           "cache_write": 0
         *         },
         *         "cache_hit_rate": 0,
         *         "cost_usd": 0.01731,
         *         "elapsed_ms": 4200,
         *         "next_steps": []
         *       },
         *       "sequence": 27,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "completed",
         *       "timestamp": 1795606705700
         *     }
         */
        CompleteEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /** @description The summary of the run. */
            summary: components["schemas"]["Summary"];
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "complete";
        };
        /**
         * @description The outcome of a connection.
         * @enum {string}
         */
        ConnectionOutcome: "allowed" | "refused" | "failed";
        /** @description A connection, without its token. */
        ConnectionView: {
            /** @description Account that it belongs to, as the provider names it. */
            account?: string | null;
            /** @description Where the token is sent. */
            base_url?: string | null;
            /** @description True when a token is stored. */
            connected: boolean;
            /** @description The provider. */
            provider: components["schemas"]["Provider"];
            /**
             * Format: date-time
             * @description When the token was stored.
             */
            updated_at?: string | null;
            verification?: components["schemas"]["TokenVerification"] | null;
            /** @description True when the provider has said that the token is good. */
            verified: boolean;
            /**
             * Format: date-time
             * @description When the provider last said that the token is good.
             */
            verified_at?: string | null;
        };
        /** @description A token for Jira. */
        ConnectJira: {
            /** @description The token, at most 4096 characters. It is never given out again. */
            api_token: string;
            /** @description Where Jira is; the server's `JIRA_BASE_URL` when absent. */
            base_url?: string | null;
            /** @description The address that you sign in to Jira with. */
            email?: string | null;
        };
        /** @description Settings by provider. */
        ConnectorExtra: {
            /** @description The address that you sign in to Jira with; for Jira alone. */
            email?: string | null;
        };
        /** @description A connection of the caller's. */
        ConnectorItem: {
            /** @description Its settings, without the token. */
            config: components["schemas"]["ConnectorSettings"];
            /** @description Why it may not work, for a person. */
            error?: string | null;
            /** @description The connection, as `DELETE /api/connectors/{provider}` takes it. */
            id: components["schemas"]["Provider"];
            /** @description Always `default`: each person has one connection to a provider. */
            name: string;
            /** @description The provider. */
            provider: components["schemas"]["Provider"];
            /** @description State of the connection. */
            status: components["schemas"]["ConnectorState"];
            /**
             * Format: date-time
             * @description When the token was stored.
             */
            updated_at: string;
            /** @description Always null: a connection holds in every workspace. */
            workspace_root?: string | null;
        };
        /** @description The caller's connections. */
        ConnectorItems: {
            /** @description The connections. */
            items: components["schemas"]["ConnectorItem"][];
        };
        /** @description A token that was stored. */
        ConnectorSaved: {
            /** @description The account that the provider says the token belongs to. */
            account?: string | null;
            /** @description The connector. */
            connector_id: components["schemas"]["Provider"];
            /** @description Why it may not work, for a person. */
            error?: string | null;
            /** @description The connection; the same. */
            id: components["schemas"]["Provider"];
            /** @description Always true: a token that is not stored is a problem. */
            ok: boolean;
            /** @description State of the connection. */
            status: components["schemas"]["ConnectorState"];
            verification?: components["schemas"]["TokenVerification"] | null;
        };
        /** @description Settings of a connection. */
        ConnectorSettings: {
            /** @description The account that the provider says the token belongs to. */
            account?: string | null;
            /** @description Where the token is sent. */
            base_url?: string | null;
        };
        /**
         * @description State of a connection, for a panel.
         * @enum {string}
         */
        ConnectorState: "connected" | "disconnected" | "error";
        /** @description The status of a connector. */
        ConnectorStatus: {
            /**
             * @description The part of the panel that shows it: `code`, `work_tracking` or `chat`.
             * @enum {string}
             */
            category: "code" | "work_tracking" | "chat";
            /** @description Why the connection may not work, for a person. */
            error?: string | null;
            /** @description The connector. */
            id: components["schemas"]["Provider"];
            /** @description Its name for people. */
            name: string;
            /** @description State of the caller's connection. */
            status: components["schemas"]["ConnectorState"];
        };
        /** @description The status of every connector that the operator enables. */
        ConnectorStatuses: {
            /** @description The connectors. One that is not listed cannot be connected here. */
            items: components["schemas"]["ConnectorStatus"][];
            /** @description Always false: a server that cannot tell answers with a problem. */
            offline: boolean;
        };
        /** @description The answer to a consent. */
        ConsentAnswer: {
            /** @description Command to run instead, at most 8 KiB; needed with `alternative`. */
            alternative_command?: string | null;
            /**
             * @description `allow_once`, `allow_always_exact`, `allow_always_type`, `deny` or `alternative`.
             * @enum {string|null}
             */
            choice?: "allow_once" | "allow_always_exact" | "allow_always_type" | "deny" | "alternative" | null;
            /** @description The same under the name that other clients send. */
            decision?: string | null;
            /**
             * @description True with `deny` where no person could be asked, such as in a script: it is no
             *     person's denial, and the run receives it as that.
             */
            nobody_asked?: boolean | null;
        };
        /**
         * @description The possible answers of a person.
         * @enum {string}
         */
        ConsentChoice: "allow_once" | "allow_always_exact" | "allow_always_type" | "deny" | "alternative";
        /**
         * @description The decision about an action, and who or what made it.
         * @enum {string}
         */
        ConsentDecision: "allow_once" | "allow_always_exact" | "allow_always_type" | "deny" | "alternative" | "auto_allowed" | "timeout" | "canceled";
        /** @description A tool call that waits for a person: `data` of the event `command.consent_required`. */
        ConsentRequest: {
            /** @description Other actions that could be done instead. */
            alternatives: string[];
            /** @description Scope of `allow_always_type`, in one sentence. Older versions did not send it. */
            always_type_covers?: string;
            /** @description The whole action. */
            command: string;
            /**
             * Format: uuid
             * @description Answered with `POST /api/navi/consent/{consent_id}`.
             */
            consent_id: string;
            /** @description Possible consequences. */
            consequences: string[];
            /** @description The folder that it would run in. */
            cwd: string;
            /** @description Harm it could do. */
            danger_level: components["schemas"]["Danger"];
            /** @description The rules that asked. */
            reasons?: components["schemas"]["Finding"][];
            /** @description True when it can be undone. */
            rollback_possible: boolean;
            /** @description The shell that would run it; for other calls the kind of the call. */
            shell: string;
            /**
             * Format: u-int64
             * @description Silence is a denial after this many seconds.
             */
            timeout_seconds: number;
            /** @description The tool that the model called. */
            tool: string;
            /** @description The call, by the provider's name for it. */
            tool_call_id: string;
            /** @description Why it does not simply run. */
            warning: string;
        };
        /**
         * ConsentRequiredEvent
         * @description A tool call waits for a person; answered with `POST /api/navi/consent/{id}`.
         * @example {
         *       "type": "command.consent_required",
         *       "data": {
         *         "consent_id": "01a2127f-ee02-7c11-9a40-5d2f0b6c7e18",
         *         "command": "rm -r old",
         *         "shell": "bash",
         *         "cwd": "/home/ada/paging",
         *         "danger_level": "high",
         *         "warning": "It deletes files.",
         *         "consequences": [
         *           "What is in `old` is gone"
         *         ],
         *         "alternatives": [
         *           "mv old old.bak"
         *         ],
         *         "rollback_possible": false,
         *         "tool": "run_command",
         *         "tool_call_id": "call_2",
         *         "timeout_seconds": 300,
         *         "always_type_covers": "Deleting below old/ in this workspace",
         *         "reasons": []
         *       },
         *       "timestamp": 1795606704200,
         *       "sequence": 12,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "paused_for_approval"
         *     }
         */
        ConsentRequiredEvent: {
            data: components["schemas"]["ConsentRequest"];
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "command.consent_required";
        };
        /** @description Confirmation of an answer. */
        ConsentTaken: {
            choice: components["schemas"]["ConsentChoice"];
            /** Format: uuid */
            consent_id: string;
            message: string;
            success: boolean;
        };
        /** @description A conversation with what was said. */
        ConversationDetail: components["schemas"]["ConversationView"] & {
            /** @description The client's context when it began. */
            initial_context?: unknown;
            /** @description The last messages, oldest first; absent when they were not asked for. */
            messages?: components["schemas"]["MessageView"][] | null;
        };
        /**
         * @description The status of a conversation.
         * @enum {string}
         */
        ConversationStatus: "active" | "archived" | "deleted";
        /** @description A conversation in a listing. */
        ConversationView: {
            /**
             * Format: date-time
             * @description When it began.
             */
            created_at: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /** @description True if the user keeps it on top. */
            is_pinned: boolean;
            /** @description True if the user starred it. */
            is_starred: boolean;
            /** @description Its status. */
            status: components["schemas"]["ConversationStatus"];
            /** @description Its title. */
            title: string;
            /**
             * Format: date-time
             * @description When it was last changed or added to.
             */
            updated_at: string;
            /** @description The folder it is about. */
            workspace_path?: string | null;
        };
        /** @description A conversation to begin. */
        CreateConversation: {
            /** @description Context of the client, in any form; at most 64 KiB. */
            initial_context?: unknown;
            /** @description The title, cut at 200 characters. */
            title?: string | null;
            /** @description The folder it is about. */
            workspace_path?: string | null;
        };
        /** @description A webhook that was made. */
        CreatedWebhookView: {
            /**
             * @description The key that signs its notices, as the Standard Webhooks libraries take it. It is shown this once: null
             *     when the request is repeated under its `Idempotency-Key`, and for Slack, which has none.
             */
            secret?: string | null;
            /** @description The webhook. */
            webhook: components["schemas"]["WebhookView"];
        };
        /** @description A webhook to make. */
        CreateWebhook: {
            /** @description A description for people, at most 200 characters. */
            description?: string | null;
            /** @description The kinds of notice that it gets; all when absent. */
            events?: components["schemas"]["NoticeKind"][] | null;
            format?: components["schemas"]["WebhookFormat"] | null;
            /**
             * @description Where notices go: a public https address of at most 2048 bytes, without a name, a password and a
             *     fragment. Names are resolved for every notice; one that leads into a private network gets none.
             */
            url: string;
        };
        /**
         * @description The harm that a call can do.
         * @enum {string}
         */
        Danger: "low" | "medium" | "high" | "critical";
        /** @description Reason of a decision. */
        DecideInsight: {
            /** @description One line of at most 200 characters, visible with the insight. */
            reason?: string | null;
        };
        /** @description Decisions. */
        DecisionList: {
            /** @description The newest first. */
            audit_log: components["schemas"]["AuditView"][];
            /** @description Number of decisions. */
            count: number;
            success: boolean;
        };
        /** @description Why something is decrypted. */
        DecryptEntry: {
            /** @description The reason, 1 to 500 bytes; it is noted in the log before anything is opened. */
            reason: string;
        };
        /** @description A page of deliveries. */
        DeliveriesView: {
            /** @description Newest first. */
            deliveries: components["schemas"]["DeliveryView"][];
            /** @description Where the next page begins; null on the last. */
            next_cursor?: string | null;
        };
        /**
         * @description Where a delivery stands.
         * @enum {string}
         */
        DeliveryState: "pending" | "delivered" | "dead";
        /** @description A notice on its way to a webhook. */
        DeliveryView: {
            /**
             * Format: int32
             * @description The number of attempts to send it.
             */
            attempts: number;
            /**
             * Format: date-time
             * @description When it was written.
             */
            created_at: string;
            /** @description Its content. */
            data: unknown;
            /**
             * Format: date-time
             * @description When the receiver took it.
             */
            delivered_at?: string | null;
            /** @description The notice, as the header `webhook-id` has it. */
            id: string;
            /**
             * Format: date-time
             * @description The last attempt.
             */
            last_attempt_at?: string | null;
            /** @description Why it failed. */
            last_error?: string | null;
            /**
             * Format: date-time
             * @description When it is sent next; null unless it is pending.
             */
            next_attempt_at?: string | null;
            /** @description Where it stands. */
            state: components["schemas"]["DeliveryState"];
            /** @description Its kind. */
            type: components["schemas"]["NoticeKind"];
        };
        /** @description A confirmation, for a person. */
        Done: {
            /** @description A sentence. */
            message: string;
        };
        /** @description A message of the editor about the code. */
        EditorError: {
            /** @description The file. */
            file?: string | null;
            /**
             * Format: int64
             * @description The line, from 1. Editors send 0 or less for a message about the whole file.
             */
            line?: number | null;
            /** @description The message. */
            message: string;
            /** @description `error`, `warning` and the like. */
            severity?: string | null;
        };
        /**
         * @description The amount of reasoning before an answer; each provider is told in its own terms.
         * @enum {string}
         */
        Effort: "none" | "minimal" | "low" | "medium" | "high" | "xhigh";
        /** @description Keys that seal stored values. */
        EncryptionStatus: {
            /** @description Always true: the audit log cannot be switched off, and its payloads are sealed. */
            audit_encryption_enabled: boolean;
            /** @description The name of the audit key. */
            audit_encryption_key_id?: string | null;
            /** @description True when there is a key that seals connectors' tokens. */
            token_encryption_configured: boolean;
            /** @description The alias of the KMS key or the beginning of its id; `development` without KMS. */
            token_encryption_key_id?: string | null;
        };
        /**
         * @description The machine-readable codes of problems and of errors in streams; `docs/errors.md` explains each. New ones may be added.
         * @enum {string}
         */
        ErrorCode: "ANSWERED_BY_A_RUN" | "AUDIT_BROKEN" | "AUDIT_ERASED" | "AUDIT_UNAVAILABLE" | "AUDIT_UNREADABLE" | "BASE_URL_FORBIDDEN" | "BODY_TOO_SLOW" | "CHANGES_UNREADABLE" | "CONNECTOR_INVALID" | "CONNECTOR_NOT_CONNECTED" | "CONNECTOR_NOT_ENABLED" | "CONSENT_ALREADY_ANSWERED" | "CONSENT_NEEDS_TOKEN" | "CONSENT_NOT_FOUND" | "CONSENT_UNANSWERED" | "CONVERSATION_NOT_FOUND" | "DATABASE_BUSY" | "DATABASE_FULL" | "DELIVERY_NOT_DEAD" | "DELIVERY_NOT_FOUND" | "DEVELOPMENT_IDENTITY_REFUSED" | "ERROR_NOT_FOUND" | "FORBIDDEN" | "GENERATION_NOT_FOUND" | "HOST_INVALID" | "IDEMPOTENCY_KEY_INVALID" | "IDEMPOTENCY_KEY_IN_FLIGHT" | "IDEMPOTENCY_KEY_REUSED" | "IDENTITY_PROVIDER_UNAVAILABLE" | "INSIGHT_NOT_FOUND" | "INTERNAL" | "INVALID" | "INVALID_REQUEST" | "JOB_NOT_FOUND" | "JOB_NOT_PAUSED" | "JOB_OVER" | "JOB_WAITS_FOR_APPROVAL" | "METHOD_NOT_ALLOWED" | "MODEL_ANSWER_EMPTY" | "MODEL_ANSWER_MALFORMED" | "MODEL_ANSWER_REPEATS" | "MODEL_ANSWER_TOO_LONG" | "MODEL_ANSWER_TRUNCATED" | "MODEL_ANSWER_UNREADABLE" | "MODEL_BLOCKED" | "MODEL_CALL_AS_TEXT" | "MODEL_CONTEXT_TOO_LONG" | "MODEL_FAILED" | "MODEL_KEY_REFUSED" | "MODEL_PROTOCOL_ERROR" | "MODEL_QUOTA_EXHAUSTED" | "MODEL_RATE_LIMITED" | "MODEL_REFUSED" | "MODEL_REQUEST_REJECTED" | "MODEL_TIMED_OUT" | "MODEL_UNAVAILABLE" | "MODEL_UNKNOWN" | "MODEL_UNREACHABLE" | "NOT_BUILT" | "NOT_FOUND" | "NO_LEASE" | "NO_MODEL" | "NO_MODELS_AVAILABLE" | "ORGANISATIONS_MANAGED_ELSEWHERE" | "ORGANISATION_BUSY" | "ORIGIN_NOT_ALLOWED" | "OTHER_ORGANISATION" | "PAYLOAD_TOO_LARGE" | "PLAN_NOT_STARTED" | "PREFERENCE_NOT_FOUND" | "PRIVATE_MODE_BLOCKED" | "PROMPT_ALREADY_ANSWERED" | "PROMPT_NOT_FOUND" | "PROMPT_UNANSWERED" | "RATE_LIMITED" | "REQUEST_TIMED_OUT" | "RUN_CONTINUES" | "RUN_GIVEN_UP" | "RUN_NOT_RESUMABLE" | "SHUTTING_DOWN" | "TELEMETRY_OVERLOADED" | "TELEMETRY_REJECTED" | "TELEMETRY_UNAVAILABLE" | "TEXT_TOO_LONG" | "TOKEN_REFUSED" | "TOKEN_UNREADABLE" | "TOO_MANY_EVENTS" | "TOO_MANY_RUNS" | "TOO_MANY_WEBHOOKS" | "UNAUTHORIZED" | "UNSUPPORTED_MEDIA_TYPE" | "VALIDATION_ERROR" | "VAULT_NOT_CONFIGURED" | "VAULT_UNAVAILABLE" | "VAULT_UNUSABLE" | "WEBHOOK_DISABLED" | "WEBHOOK_NOT_FOUND" | "WEBHOOK_URL_INVALID" | "WORKSPACE_NOT_FOUND" | "WORKSPACE_UNUSABLE";
        /** @description An error group with its last occurrences. */
        ErrorDetail: components["schemas"]["ErrorGroup"] & {
            /** @description Last occurrences, newest first, at most 20; none once their retention has passed. */
            latest: components["schemas"]["ErrorOccurrence"][];
        };
        /**
         * ErrorEvent
         * @description Something failed; the run may go on.
         * @example {
         *       "type": "error",
         *       "error": "The provider is overloaded; try again later, or name another model",
         *       "code": "MODEL_UNAVAILABLE",
         *       "sequence": 26,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606705600
         *     }
         */
        ErrorEvent: {
            /** @description The machine-readable code; see `docs/errors.md`. */
            code: components["schemas"]["ErrorCode"];
            /** @description A sentence for a person that says what to do. */
            error: string;
            /** @description With the code `RUN_CONTINUES`: where the run continues. */
            events_url?: string;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "error";
        };
        /** @description The parts of a fingerprint, which explain a group. */
        ErrorFingerprint: {
            /** @description Top frames. */
            frames: string[];
            /** @description Message with placeholders. */
            message: string;
            /** @description Error type. */
            type: string;
            /**
             * Format: u-int32
             * @description Version of the rules.
             */
            version: number;
        };
        /** @description An error group. */
        ErrorGroup: {
            /**
             * Format: int64
             * @description Number of affected users.
             */
            affected_users: number;
            /** @description Component of the last occurrence. */
            component?: string | null;
            /** @description Error type. */
            error_type: string;
            /** @description Parts of the fingerprint. */
            explained: components["schemas"]["ErrorFingerprint"];
            /** @description Hash of the parts in `explained`. */
            fingerprint: string;
            /**
             * Format: date-time
             * @description Time of the first occurrence.
             */
            first_seen: string;
            /** @description Version of the first occurrence. */
            first_version?: string | null;
            /**
             * Format: int64
             * @description Identifier.
             */
            id: number;
            /**
             * Format: date-time
             * @description Time of the last occurrence.
             */
            last_seen: string;
            /** @description Version of the last occurrence. */
            last_version?: string | null;
            /** @description Message of the last occurrence. */
            message: string;
            /**
             * Format: int64
             * @description Number of occurrences.
             */
            occurrences: number;
            /**
             * Format: date-time
             * @description Time of the last regression.
             */
            regressed_at?: string | null;
            /**
             * Format: int32
             * @description Number of regressions.
             */
            regressions: number;
            /** @description Notes about the resolution. */
            resolution_notes?: string | null;
            /**
             * Format: date-time
             * @description Time of the resolution.
             */
            resolved_at?: string | null;
            /** @description User who resolved it. */
            resolved_by?: string | null;
            /** @description Severity of the last occurrence. */
            severity: string;
            /** @description Reporter: `client`, `server` or `run`. */
            source: components["schemas"]["ErrorSource"];
            /** @description `open`, `resolved` or `regressed`. */
            status: components["schemas"]["ErrorStatus"];
            /** @description Occurrences over the last hours and days. */
            trend: components["schemas"]["ErrorTrend"];
        };
        /** @description An occurrence of an error. */
        ErrorOccurrence: {
            /**
             * Format: int64
             * @description Row number: the `error_id` of `error_threads`.
             */
            id: number;
            /** @description Message. */
            message: string;
            /**
             * Format: date-time
             * @description Time of the error by the client's clock.
             */
            occurred_at?: string | null;
            /**
             * Format: date-time
             * @description Time of receipt.
             */
            received_at: string;
            /**
             * Format: uuid
             * @description Run.
             */
            run_id?: string | null;
            /** @description Session of the client. */
            session_id?: string | null;
            /** @description Stack. */
            stack?: string | null;
            /** @description Trace. */
            trace_id?: string | null;
            /** @description Affected user; shown to administrators only. */
            user_id?: string | null;
            /** @description Version. */
            version?: string | null;
        };
        /** @description A page of error groups. */
        ErrorPage: {
            /** @description Groups, in the requested order. */
            errors: components["schemas"]["ErrorGroup"][];
            /** @description Cursor of the next page; null on the last. */
            next_cursor?: string | null;
        };
        /**
         * @description Reporter of an error.
         * @enum {string}
         */
        ErrorSource: "client" | "server" | "run";
        /**
         * @description Status of an error group.
         * @enum {string}
         */
        ErrorStatus: "open" | "resolved" | "regressed";
        /** @description Occurrences of a group over the last hours and days, oldest first. */
        ErrorTrend: {
            /** @description Occurrences on each of the last 14 days in UTC, today included. */
            days: number[];
            /** @description Occurrences in each of the last 24 hours, the current hour included. */
            hours: number[];
        };
        /**
         * @description Why another model answers.
         * @enum {string}
         */
        FallbackReason: "UNKNOWN_MODEL_ID" | "UNKNOWN_MODE_ID" | "PROVIDER_NOT_CONFIGURED" | "MODEL_RETIRED" | "MODEL_LACKS_CAPABILITY";
        /** @description Answers of a category, and their ratings. */
        FeedbackCategory: {
            /**
             * Format: double
             * @description Accepted of accepted and rejected, 0 to 1; null without either.
             */
            acceptance_rate?: number | null;
            /**
             * Format: int64
             * @description Number accepted, by a rating or, without one, by a signal.
             */
            accepted: number;
            /**
             * @description `fix`, `feature`, `refactor`, `test`, `docs`, `explain` or `general`.
             * @enum {string}
             */
            category: "fix" | "feature" | "refactor" | "test" | "docs" | "explain" | "general";
            /**
             * Format: int64
             * @description Number of them rated up or down.
             */
            feedback: number;
            /**
             * Format: int64
             * @description Number of answers.
             */
            generations: number;
            /**
             * Format: int64
             * @description Number rejected.
             */
            rejected: number;
        };
        /** @description Statistics of the answers of the last days. */
        FeedbackStats: {
            /**
             * Format: double
             * @description Accepted of accepted and rejected, 0 to 1; null without either. An answer without a rating counts
             *     by its signals.
             */
            acceptance_rate?: number | null;
            /** @description The same by category. */
            by_category: components["schemas"]["FeedbackCategory"][];
            /**
             * Format: double
             * @description The same in percent, to one decimal; 0 without answers.
             */
            feedback_rate: number;
            /**
             * Format: int64
             * @description Length of the period, in days.
             */
            period_days: number;
            /** @description Number of answers rated `-1` and `1`, and of withdrawn ratings, `0`. */
            rating_distribution: {
                [key: string]: number;
            };
            /** @description Number of ratings by reason; the hundred most frequent. */
            reason_distribution: {
                [key: string]: number;
            };
            /** @description Number of answers by signal. */
            signals: {
                [key: string]: number;
            };
            /**
             * Format: int64
             * @description Number of them rated up or down.
             */
            total_feedback: number;
            /**
             * Format: int64
             * @description Number of answers.
             */
            total_generations: number;
        };
        /** @description One reason why a call does not simply run. */
        Finding: {
            /** @description Other actions that could be done instead. */
            alternatives: string[];
            /** @description Possible consequences. */
            consequences: string[];
            /** @description The harm it can do. */
            danger: components["schemas"]["Danger"];
            /** @description The kind of action: program and subcommand, or tool and class of file. */
            kind: string;
            /** @description True when it can be undone. */
            reversible: boolean;
            /** @description The rule's id. */
            rule: string;
            scope?: components["schemas"]["ActionScope"] | null;
            /** @description The part of the action this is about. */
            segment: string;
            /** @description The rule's verdict. */
            verdict: string;
            /** @description Why it does not simply run. */
            why: string;
        };
        /**
         * GenerationLoggedEvent
         * @description The answer was logged as a generation that can be rated.
         * @example {
         *       "type": "generation_logged",
         *       "gen_id": 7,
         *       "timestamp": 1795606705400,
         *       "sequence": 24,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running"
         *     }
         */
        GenerationLoggedEvent: {
            /**
             * Format: int64
             * @description The id to send with the rating.
             */
            gen_id: number;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "generation_logged";
        };
        /** @description The results of all checks. */
        HealthReport: {
            /** @description The checks. */
            checks: components["schemas"]["Check"][];
            /** @description True when every check is ok. */
            ok: boolean;
        };
        /**
         * HeartbeatEvent
         * @description The connection lives: nothing else was sent for 8 s.
         * @example {
         *       "type": "heartbeat",
         *       "heartbeat": true,
         *       "timestamp": 1795606712000,
         *       "message": "Connection alive"
         *     }
         */
        HeartbeatEvent: {
            /** @description Always true. */
            heartbeat: boolean;
            /** @description A sentence for a person. */
            message: string;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "heartbeat";
        };
        /** @description A message of the history. Old clients call the role `type`. */
        HistoryEntry: {
            /** @description The text. */
            content?: string | null;
            /** @description `user` (or `human`), `assistant` (`ai`, `bot`) or `system`; output of tools (`tool`, `function`) is left out. */
            role?: string | null;
            /** @description The older name of `role`. */
            type?: string | null;
        };
        /** @description An insight. */
        Insight: {
            /** @description Category it is restricted to; null for any. */
            category?: string | null;
            /**
             * Format: double
             * @description Confidence, 0 to 1.
             */
            confidence: number;
            /** @description Administrator who decided the status; null if the analyzer did. */
            decided_by?: string | null;
            /** @description Description, as it is used in prompts. */
            description: string;
            /** @description Administrator who edited the text; null without an edit. */
            edited_by?: string | null;
            effect?: components["schemas"]["InsightEffect"] | null;
            /** @description Newest generations it was learned from. */
            evidence: number[];
            /**
             * Format: date-time
             * @description Time of its creation.
             */
            first_seen: string;
            /**
             * Format: int64
             * @description Identifier.
             */
            id: number;
            /**
             * @description `pattern_rejected`, `pattern_preferred`, `style_preference`, `low_acceptance` or `high_acceptance`.
             * @enum {string}
             */
            insight_type: "pattern_rejected" | "pattern_preferred" | "style_preference" | "low_acceptance" | "high_acceptance";
            /** @description Language it is restricted to; null for any. */
            language?: string | null;
            /**
             * Format: date-time
             * @description Time of its last use.
             */
            last_applied?: string | null;
            /**
             * Format: date-time
             * @description Time of its last change.
             */
            last_updated: string;
            pattern?: components["schemas"]["InsightPattern"] | null;
            /**
             * Format: int32
             * @description Number of votes it was learned from.
             */
            sample_size: number;
            /** @description Scope. */
            scope: components["schemas"]["InsightScope"];
            /** @description `proposed`, `active` or `retired`. */
            status: components["schemas"]["InsightStatus"];
            /** @description Reason of the status. */
            status_reason?: string | null;
            /**
             * Format: date-time
             * @description Time of the last change of status.
             */
            status_since: string;
            /**
             * Format: int64
             * @description Number of prompts it was used in.
             */
            times_applied: number;
            /** @description Title. */
            title: string;
        };
        /** @description Arm of a comparison. */
        InsightArm: {
            /**
             * Format: double
             * @description Number of answers.
             */
            n: number;
            /**
             * Format: double
             * @description Share of successes; null without answers.
             */
            rate?: number | null;
        };
        /** @description Answers with the insight in their prompt against those it was held out of. */
        InsightComparison: {
            /** @description Answers with it. */
            applied: components["schemas"]["InsightArm"];
            /**
             * Format: double
             * @description Difference of the shares; null while one is unknown.
             */
            difference?: number | null;
            /** @description Answers without it. */
            held_out: components["schemas"]["InsightArm"];
            /**
             * Format: double
             * @description Upper bound of the 90 % interval.
             */
            high?: number | null;
            /**
             * Format: double
             * @description Lower bound of the 90 % interval of the difference.
             */
            low?: number | null;
        };
        /** @description Measured effect of an insight. */
        InsightEffect: {
            acceptance?: components["schemas"]["InsightComparison"] | null;
            /**
             * Format: u-int64
             * @description Number of answers compared.
             */
            exposures: number;
            verification?: components["schemas"]["InsightComparison"] | null;
        };
        /** @description A page of insights. */
        InsightPage: {
            /** @description Insights, newest first. */
            insights: components["schemas"]["Insight"][];
            /** @description Cursor of the next page; null on the last. */
            next_cursor?: string | null;
        };
        /** @description Numbers behind an insight. */
        InsightPattern: {
            /**
             * Format: double
             * @description Votes for answers with the value.
             */
            accepted?: number | null;
            baseline?: components["schemas"]["InsightVoices"] | null;
            posterior?: components["schemas"]["InsightPosterior"] | null;
            /**
             * Format: u-int64
             * @description Number of raters.
             */
            raters?: number | null;
            /**
             * Format: double
             * @description Votes against them.
             */
            rejected?: number | null;
            /** @description Subject, for example `quotes@python`. */
            subject?: string | null;
            /** @description Value of the subject. */
            value?: string | null;
        };
        /** @description Posterior acceptance of answers with the value. */
        InsightPosterior: {
            /**
             * Format: double
             * @description Upper bound of the 90 % interval.
             */
            high: number;
            /**
             * Format: double
             * @description Lower bound of the 90 % interval.
             */
            low: number;
            /**
             * Format: double
             * @description Mean.
             */
            mean: number;
        };
        /** @description Scope of an insight. */
        InsightScope: {
            /** @description Team or user; null for the organisation. */
            id?: string | null;
            /** @description `org`, `team` or `user`. */
            kind: components["schemas"]["InsightScopeKind"];
        };
        /**
         * @description Kind of an insight's scope.
         * @enum {string}
         */
        InsightScopeKind: "org" | "team" | "user";
        /**
         * @description Status of an insight.
         * @enum {string}
         */
        InsightStatus: "proposed" | "active" | "retired";
        /** @description Votes for and against. */
        InsightVoices: {
            /**
             * Format: double
             * @description Votes for.
             */
            accepted: number;
            /**
             * Format: double
             * @description Votes against.
             */
            rejected: number;
        };
        /** @description A file of instructions, as clients are told of it. */
        InstructionFile: {
            /**
             * Format: u-int64
             * @description Its size.
             */
            bytes: number;
            /** @description Its path within the workspace. */
            path: string;
            /** @description The bytes of its text that are shown. */
            shown_bytes: number;
        };
        /** @description The words of a repository that a model was shown, as clients are told of them. */
        Instructions: {
            /** @description The files of instructions. */
            files: components["schemas"]["InstructionFile"][];
            /** @description Sentences about what is cut or left out. */
            notes: string[];
            /** @description The names of the skills that were offered. */
            skills: string[];
        };
        /**
         * IterationEvent
         * @description A further round of turns begins.
         * @example {
         *       "type": "iteration",
         *       "iteration": 2,
         *       "max": 5,
         *       "reason": "1 check fails",
         *       "sequence": 21,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606705100
         *     }
         */
        IterationEvent: {
            /**
             * Format: u-int32
             * @description The round, from 2.
             */
            iteration: number;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: u-int32
             * @description The most rounds this run may take.
             */
            max: number;
            /** @description Why another round is needed. */
            reason: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "iteration";
        };
        /** @description One job. */
        JobAnswer: {
            /** @description The job. */
            job: components["schemas"]["JobView"];
            /** @description Always true. */
            success: boolean;
        };
        /**
         * JobCanceledEvent
         * @description A job was ended by its user.
         * @example {
         *       "type": "job_canceled",
         *       "message": "The job was cancelled",
         *       "sequence": 31,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "canceled",
         *       "timestamp": 1795606706100
         *     }
         */
        JobCanceledEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job_canceled";
        };
        /**
         * JobCompletedEvent
         * @description A job ended well. The last event of a job is one of these three.
         * @example {
         *       "type": "job_completed",
         *       "message": "The job is done",
         *       "sequence": 29,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "completed",
         *       "timestamp": 1795606705900
         *     }
         */
        JobCompletedEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job_completed";
        };
        /**
         * JobCreatedEvent
         * @description A job was accepted. The first event of every job.
         * @example {
         *       "type": "job_created",
         *       "status": "queued",
         *       "message": "The job was accepted",
         *       "sequence": 1,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "queued",
         *       "timestamp": 1795606703100
         *     }
         */
        JobCreatedEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /** @description Always `queued`. */
            status: string;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job_created";
        };
        /** @description A job that was accepted. */
        JobCreatedView: {
            /** @description The address of its events. */
            events_url: string;
            /** @description The job. */
            job: components["schemas"]["JobView"];
            /**
             * @description The reason: `queued` or `auto_start_disabled`.
             * @enum {string}
             */
            start_reason: "queued" | "auto_start_disabled";
            /** @description False when the job was created without starting it. */
            started: boolean;
            /** @description Always true. */
            success: boolean;
        };
        /**
         * JobFailedEvent
         * @description A job ended badly.
         * @example {
         *       "type": "job_failed",
         *       "message": "The job failed",
         *       "sequence": 30,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "failed",
         *       "timestamp": 1795606706000
         *     }
         */
        JobFailedEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job_failed";
        };
        /** @description A frame of an event stream, its `data` read as JSON; of the last frame it is the text `[DONE]`. */
        JobFrame: {
            /** @description Of the last frame the text `[DONE]`, which is no JSON; of the others an object, known by its `type`. */
            data: components["schemas"]["RunEvent"] | "[DONE]";
            /** @description The event's number, from 1 without gaps; heartbeats and `[DONE]` have none. */
            id?: string;
        };
        /**
         * @description The way a run was asked for; the work is the same.
         * @enum {string}
         */
        JobKind: "autonomous" | "job";
        /** @description The outcome of starting, resuming, cancelling or approving a job. */
        JobMoved: {
            /** @description The recorded answer, for an approval. */
            approval?: Record<string, never> | null;
            /** @description The job. */
            job: components["schemas"]["JobView"];
            /** @description A sentence for a person. */
            message: string;
            /** @description True when this request made it go on. */
            started: boolean;
            /** @description Always true. */
            success: boolean;
        };
        /** @description Options of a job. */
        JobOptions: {
            /** @description False to create the job without starting it; otherwise it starts as soon as a worker is free. */
            auto_start?: boolean | null;
            /** @description The client's notes, at most 16 KiB. */
            metadata?: {
                [key: string]: unknown;
            } | null;
        };
        /** @description A page of jobs. */
        JobPage: {
            /** @description Number of jobs on this page. */
            count: number;
            /** @description The jobs, newest first. */
            jobs: components["schemas"]["JobView"][];
            /** @description The `cursor` of the next page; null on the last. */
            next_cursor?: string | null;
            /** @description Always true. */
            success: boolean;
        };
        /**
         * JobPausedEvent
         * @description The run waits for a person, or for an obstacle to pass.
         * @example {
         *       "type": "job_paused",
         *       "consent_id": "01a2127f-ee02-7c11-9a40-5d2f0b6c7e18",
         *       "message": "The job waits for your consent",
         *       "sequence": 13,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "paused_for_approval",
         *       "timestamp": 1795606704300
         *     }
         */
        JobPausedEvent: {
            /** @description The consent it waits for. */
            consent_id?: string;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /** @description The question it waits for. */
            prompt_id?: string;
            /** @description The machine-readable code; see `docs/errors.md`. */
            reason?: components["schemas"]["ErrorCode"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job_paused";
        };
        /**
         * JobResumedEvent
         * @description The run goes on from its log, mostly in another process; or an answer that broke off is asked for
         *     again.
         * @example {
         *       "type": "job_resumed",
         *       "reason": "worker_lost",
         *       "discard_after": 9,
         *       "message": "The job continues where it stopped",
         *       "sequence": 22,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606705200
         *     }
         */
        JobResumedEvent: {
            /**
             * Format: int64
             * @description Text after this event belongs to an answer that was never finished; it is asked again.
             */
            discard_after: number;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /** @description Why it had stopped. */
            reason: components["schemas"]["ResumeReason"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job_resumed";
        };
        /**
         * JobStartedEvent
         * @description A worker began with a job. Once for each job.
         * @example {
         *       "type": "job_started",
         *       "message": "A worker begins with the job",
         *       "sequence": 2,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606703200
         *     }
         */
        JobStartedEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job_started";
        };
        /**
         * @description Where a run stands, as it is stored and as jobs show it.
         * @enum {string}
         */
        JobStatus: "queued" | "running" | "paused_for_approval" | "completed" | "failed" | "canceled";
        /** @description The events of a job, from any point, as server-sent events: each `data:` line holds the `data` of a `JobFrame`, the last one `[DONE]`. */
        JobStream: string;
        /**
         * JobTerminalEvent
         * @description The last frame of a job's stream, unless everything was seen before.
         * @example {
         *       "type": "job_terminal",
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "completed",
         *       "sequence": 29,
         *       "timestamp": 1795606712100
         *     }
         */
        JobTerminalEvent: {
            /**
             * Format: uuid
             * @description The job.
             */
            job_id: string;
            /** @description The status of the run at its end. */
            job_status: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The number of its last event.
             */
            sequence: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "job_terminal";
        };
        /** @description A job. Times are seconds since the epoch, with a fraction, as old clients read them. */
        JobView: {
            /** @description True once its user wants it to end. */
            cancel_requested: boolean;
            /**
             * Format: uuid
             * @description The conversation it belongs to.
             */
            conversation_id?: string | null;
            /**
             * Format: double
             * @description Creation time.
             */
            created_at: number;
            /** @description The error that it shows. */
            error?: string | null;
            /**
             * Format: double
             * @description End time.
             */
            finished_at?: number | null;
            /**
             * Format: uuid
             * @description The job.
             */
            job_id: string;
            /** @description The way it was asked for. */
            kind: components["schemas"]["JobKind"];
            /**
             * Format: int64
             * @description The number of its last event.
             */
            last_sequence: number;
            /** @description The client's notes. */
            metadata: Record<string, never>;
            /** @description Its model. */
            model: string;
            /**
             * @description The pending consent or question: `data` of the event that asked, with `kind` `consent` or
             *     `prompt`.
             */
            pending_approval?: Record<string, never> | null;
            /** @description Its phase, as its last `status` event said; else its status. */
            phase: string;
            /** @description The provider of its model. */
            provider: string;
            router_info?: components["schemas"]["RouterInfo"] | null;
            /**
             * Format: double
             * @description Start time.
             */
            started_at?: number | null;
            /** @description Where it stands. */
            status: components["schemas"]["JobStatus"];
            summary?: components["schemas"]["Summary"] | null;
            /**
             * Format: int32
             * @description Number of times it was taken over from a process that was lost.
             */
            takeovers: number;
            /** @description The message. */
            task: string;
            /**
             * Format: uuid
             * @description The same, under the name that events use.
             */
            task_id: string;
            /**
             * Format: double
             * @description Time of its last change.
             */
            updated_at: number;
            /** @description The folder it works in. */
            workspace_path?: string | null;
        };
        /** @description Tokens that are signed with a secret. */
        JwtStatus: {
            /** @description Always true: every request is authenticated. */
            enabled: boolean;
            /** @description True when tokens of an earlier secret are still good. */
            has_previous_secrets: boolean;
            /** @description True when there is a secret to sign with; without one an identity provider signs tokens. */
            has_primary_secret: boolean;
            /** @description True when there are both, so that the secret can be replaced without ending sessions. */
            rotation_ready: boolean;
        };
        /** @description A step of a plan in the older shape. */
        LegacyStep: {
            /** @description The detail. */
            description: string;
            /**
             * Format: u-int32
             * @description Counts from 1.
             */
            id: number;
            /** @description The title. */
            label: string;
            /** @description Always `pending`: the plan is sent before it begins. */
            status: string;
        };
        /** @description A plan. */
        MadePlan: {
            /**
             * Format: double
             * @description 0.5 for a plan that a model made, because nothing measures how good it is; 0 for one that stands in
             *     because the model's answer was none.
             */
            confidence: number;
            /** @description Files the plan expects to touch, at most ten. */
            estimated_files: string[];
            /** @description The beginning of the message. */
            goal: string;
            /**
             * Format: uuid
             * @description The same as `session_id`.
             */
            id: string;
            /** @description The same as beside the plan. */
            reasoning: string;
            /** @description Always false: consent is asked for single actions when the work comes to them. */
            requires_approval: boolean;
            /** @description One to five steps. */
            steps: components["schemas"]["MadePlanStep"][];
        };
        /** @description A step of a plan. */
        MadePlanStep: {
            /** @description Names the step within the plan. */
            id: string;
            /** @description The same in more words. */
            rationale: string;
            /** @description Always false; see `requires_approval` of the plan. */
            requires_approval: boolean;
            /** @description Always `pending`: nothing is done yet. */
            status: string;
            /** @description The step in a few words. */
            title: string;
            /** @description Always null: the server does the work, with tools of its own. */
            tool?: string | null;
            /** @description Always empty: the project's own checks verify the whole. */
            verify: string[];
        };
        /** @description The verified caller. */
        Me: {
            /** @description The organisation that the token names. */
            org_id: string;
            /** @description Role of the caller. */
            role: components["schemas"]["Role"];
            /** @description The person that the token names. */
            user_id: string;
        };
        /**
         * @description Who said something.
         * @enum {string}
         */
        MessageRole: "user" | "assistant" | "system";
        /** @description A message. */
        MessageView: {
            /** @description Its text. */
            content: string;
            /**
             * Format: date-time
             * @description When it was said.
             */
            created_at: string;
            /**
             * Format: uuid
             * @description Its id.
             */
            id: string;
            /** @description Its metadata. */
            metadata: unknown;
            /** @description Who said it. */
            role: components["schemas"]["MessageRole"];
            /**
             * Format: int32
             * @description The number of tokens, when it was counted.
             */
            tokens_used?: number | null;
        };
        /** @description A choice of models. */
        Mode: {
            /** @description The models it tries, in order. */
            candidates: string[];
            effort?: components["schemas"]["Effort"] | null;
            /** @description Its name in requests. */
            id: string;
        };
        /** @description A model. */
        Model: components["schemas"]["ModelListing"] & {
            prices?: components["schemas"]["Prices"] | null;
        };
        /** @description A model as `GET /api/models` lists it. */
        ModelListing: {
            /** @description Its capabilities. */
            capabilities: components["schemas"]["Capabilities"];
            /**
             * Format: u-int32
             * @description In tokens.
             */
            context_window: number;
            /** @description The amounts of reasoning that it knows: none when it does not reason, null when that is not known. */
            effort?: components["schemas"]["Effort"][] | null;
            /** @description `provider/name`. */
            id: string;
            /**
             * Format: u-int32
             * @description In tokens.
             */
            max_output_tokens: number;
            /** @description The provider's name. */
            provider: string;
            /** @description The provider's own name of the model. */
            provider_model: string;
            /** @description Why not, as a word. */
            reason?: string | null;
            /** @description True if it would answer a request for it, as the last call or question to its provider says. */
            routable: boolean;
        };
        /** @description The model that a request would get which names one, for clients that want to know before they ask. */
        NamedModel: {
            /** @description The model that would answer; null when none can. */
            effective_model_id?: string | null;
            /** @description The name. */
            name: string;
            /** @description Why that is not the one that is named, as a sentence; null when it is. */
            obstacle?: string | null;
            /** @description The name that may be meant by one that is not known. */
            suggestion?: string | null;
        };
        /**
         * NetworkConnectionEvent
         * @description A command asked for a connection out of its sandbox.
         * @example {
         *       "type": "network_connection",
         *       "host": "pypi.org",
         *       "port": 443,
         *       "outcome": "refused",
         *       "reason": "unlisted",
         *       "timestamp": 1795606704700,
         *       "sequence": 17,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running"
         *     }
         */
        NetworkConnectionEvent: {
            /** @description The host, as far as it could be read. */
            host: string;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description The outcome of the connection. */
            outcome: components["schemas"]["ConnectionOutcome"];
            /**
             * Format: u-int16
             * @description The port; 0 when none could be read.
             */
            port: number;
            /** @description The rule or failure that stopped it. */
            reason?: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "network_connection";
        };
        /** @description A request for a job: a task and its options. */
        NewJobRequest: components["schemas"]["TaskRequest"] & components["schemas"]["JobOptions"];
        /** @description A progress report about the work on a plan. */
        NextAnswer: {
            /** @description The report. */
            content: string;
            /** @description The address of its events. */
            events_url: string;
            /** @description True once the work is over. Ask again while it is false. */
            final: boolean;
            /**
             * Format: uuid
             * @description The job that does the work.
             */
            job_id: string;
            /** @description The job's status. */
            job_status: components["schemas"]["JobStatus"];
            /** @description The consent or question that it waits with, as the job shows it. */
            pending_approval?: Record<string, never> | null;
            /** @description Its result, as the job shows it. */
            summary?: Record<string, never> | null;
            /** @description Always `assistant_message`: the client is never asked to act. */
            type: string;
        };
        /** @description The plan to carry out. */
        NextRequest: {
            /** @description Another name of `session_id`. */
            run_id?: string | null;
            /** @description The `session_id` of a plan. */
            session_id?: string | null;
        };
        /**
         * NextStepsEvent
         * @description Suggested next steps for the user.
         * @example {
         *       "type": "next_steps",
         *       "next_steps": [
         *         "Review the change in paging.py"
         *       ],
         *       "sequence": 25,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606705500
         *     }
         */
        NextStepsEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description At most three sentences. */
            next_steps: string[];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "next_steps";
        };
        /** @description A signal on an answer. */
        NoteSignal: {
            /**
             * Format: int64
             * @description `gen_id` of the event `generation_logged`.
             */
            gen_id: number;
            /** @description Signal. */
            signal: components["schemas"]["SeenSignal"];
        };
        /**
         * @description The kind of a notice.
         * @enum {string}
         */
        NoticeKind: "run.succeeded" | "run.failed" | "run.cancelled" | "run.paused" | "approval.requested" | "cost.threshold_crossed" | "cost.price_unknown" | "webhook.disabled";
        /**
         * @description Effect on a run when its client's connection closes.
         * @enum {string}
         */
        OnDisconnect: "cancel" | "continue";
        /** @description An organisation. */
        Organisation: {
            /** @description The id, as the token carries it. */
            id: string;
            /** @description The name; the same as the id, because tokens carry no other. */
            name: string;
            /** @description The caller's role in it. */
            role: components["schemas"]["Role"];
            /** @description The name in addresses; the same as the id. */
            slug: string;
        };
        /**
         * @description Where a line of output came from.
         * @enum {string}
         */
        OutputStream: "stdout" | "stderr";
        /** @description The caller's rating of an answer, with nulls while there is none. */
        OwnRating: {
            /** @description Comment, without secrets. */
            comment?: string | null;
            /**
             * Format: int64
             * @description Answer.
             */
            gen_id: number;
            /**
             * Format: int16
             * @description -1 rejected, 0 withdrawn, 1 accepted; null without a rating.
             */
            rating?: number | null;
            /** @description Reason in a word, without secrets. */
            reason?: string | null;
            /**
             * Format: date-time
             * @description Time of the rating.
             */
            updated_at?: string | null;
        };
        /** @description Metrics of a time range. */
        Performance: {
            /** @description Length of the periods. */
            by: components["schemas"]["Period"];
            /**
             * Format: int64
             * @description Number of metrics left out.
             */
            left_out: number;
            /** @description Metrics, by name; the 20 with the most samples. */
            metrics: components["schemas"]["PerformanceSeries"][];
        };
        /** @description Distribution of a metric in a period. */
        PerformancePoint: {
            /**
             * Format: double
             * @description Mean.
             */
            avg: number;
            /**
             * Format: double
             * @description Maximum.
             */
            max: number;
            /**
             * Format: double
             * @description Minimum.
             */
            min: number;
            /**
             * Format: double
             * @description Median, within 2.5 %, as the other percentiles.
             */
            p50: number;
            /**
             * Format: double
             * @description 95th percentile.
             */
            p95: number;
            /**
             * Format: double
             * @description 99th percentile.
             */
            p99: number;
            /**
             * Format: int64
             * @description Number of values.
             */
            samples: number;
            /**
             * Format: date-time
             * @description Start of the period.
             */
            time: string;
        };
        /** @description A metric over time. */
        PerformanceSeries: {
            /** @description Name. */
            name: string;
            /** @description Periods with values. */
            points: components["schemas"]["PerformancePoint"][];
            /** @description Unit. */
            unit: string;
        };
        /**
         * @description Length of the periods.
         * @enum {string}
         */
        Period: "hour" | "day";
        /**
         * @description The phases a client shows.
         * @enum {string}
         */
        Phase: "planning" | "executing" | "verifying" | "fixing" | "awaiting_user_input" | "awaiting_human_decision" | "interrupted" | "completed" | "failed" | "canceled";
        /** @description An event as the oldest clients know it: most by their one key, and not by a `type`. */
        PlainChatEvent: {
            /** @description The chat's activity. */
            activity?: components["schemas"]["ChatActivity"];
            /** @description The machine-readable code; see `docs/errors.md`. */
            code?: components["schemas"]["ErrorCode"];
            /** @description A piece of the answer. */
            content?: string;
            /** @description Of `result`: the whole answer. */
            data?: components["schemas"]["PlainChatResult"];
            /**
             * Format: int64
             * @description Of `job_resumed`: always 0.
             */
            discard_after?: number;
            /** @description Of `done`: always true. */
            done?: boolean;
            /** @description Of `error`: the same sentence. */
            error?: string;
            /**
             * Format: int64
             * @description Of `generation_logged`: the id to send with a rating.
             */
            gen_id?: number;
            /** @description Of `heartbeat`: always true. */
            heartbeat?: boolean;
            /** @description Of `error`, `job_resumed` and `heartbeat`: a sentence for a person. */
            message?: string;
            /** @description Of `job_resumed`: why the pieces before it are void. */
            reason?: components["schemas"]["ResumeReason"];
            /** @description First: which model was chosen, and why. */
            router_info?: components["schemas"]["RouterInfo"];
            /** @description Of `done`: `success`, and `files_read` or `message`. */
            summary?: components["schemas"]["PlainChatSummary"];
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp?: number;
            /**
             * @description `generation_logged`, `job_resumed`, `result`, `error`, `done` or `heartbeat`; absent from the rest.
             * @enum {string}
             */
            type?: "generation_logged" | "job_resumed" | "result" | "error" | "done" | "heartbeat";
        };
        /** @description A frame of an event stream, its `data` read as JSON; of the last frame it is the text `[DONE]`. */
        PlainChatFrame: {
            /** @description Of the last frame the text `[DONE]`, which is no JSON; of the others an object, known by its `type`. */
            data: components["schemas"]["PlainChatEvent"] | "[DONE]";
            /** @description The event's number, from 1 without gaps; heartbeats and `[DONE]` have none. */
            id?: string;
        };
        /** @description The whole answer of a chat, for clients that show no pieces. */
        PlainChatResult: {
            /** @description Always empty. */
            actions: string[];
            /** @description The answer. */
            content: string;
            /**
             * Format: int64
             * @description The id to send with a rating; null when the answer was not kept.
             */
            gen_id: number | null;
            /** @description The model that answered. */
            model: string;
            /** @description The same. */
            reply: string;
        };
        /** @description An answer as it arrives, for the oldest clients, as server-sent events: each `data:` line holds the `data` of a `PlainChatFrame`, the last one `[DONE]`. */
        PlainChatStream: string;
        /** @description The end of a chat. */
        PlainChatSummary: {
            /** @description The files that the model was shown. */
            files_read?: string[];
            /** @description Why there is no answer. */
            message?: string;
            /** @description True if there is an answer. */
            success: boolean;
        };
        /** @description A file that is open. */
        PlanActiveFile: {
            /** @description Its path. */
            path?: string | null;
            /** @description The selected text. */
            selection?: string | null;
        };
        /** @description A plan that was made. */
        PlanAnswer: {
            /** @description The plan. */
            plan: components["schemas"]["MadePlan"];
            /** @description The origin of the plan, for a person. */
            reasoning: string;
            /** @description The routing decision. */
            router_info: Record<string, never>;
            /**
             * Format: uuid
             * @description The job that waits to carry the plan out; `POST /api/navi/next` takes it.
             */
            session_id: string;
            /** @description Always true. */
            success: boolean;
        };
        /**
         * PlanCompleteEvent
         * @description No step of the plan will move any more.
         * @example {
         *       "type": "plan_complete",
         *       "data": {
         *         "plan_id": "plan-1"
         *       },
         *       "sequence": 23,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606705300
         *     }
         */
        PlanCompleteEvent: {
            /** @description Which plan. */
            data: components["schemas"]["PlanRef"];
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "plan_complete";
        };
        /** @description The state of an editor. */
        PlanContext: {
            active_file?: components["schemas"]["PlanActiveFile"] | null;
            /** @description Messages of the editor about the code. */
            diagnostics?: components["schemas"]["PlanDiagnostic"][] | null;
            workspace?: components["schemas"]["PlanWorkspace"] | null;
        };
        /** @description A plan. */
        PlanData: {
            /** @description Names the plan within its run. */
            plan_id: string;
            /** @description The steps, at most five. */
            steps: components["schemas"]["PlanStep"][];
        };
        /** @description A message of the editor about the code. */
        PlanDiagnostic: {
            /** @description The file. */
            file?: string | null;
            /** @description The message's text; an entry without it is ignored. */
            message?: string | null;
            range?: components["schemas"]["PlanRange"] | null;
            /** @description `error`, `warn` and the like. */
            severity?: string | null;
        };
        /**
         * PlanEvent
         * @description The same plan in the older shape.
         * @example {
         *       "type": "plan",
         *       "steps": [
         *         {
         *           "id": 1,
         *           "label": "Mend the paging",
         *           "description": "Count pages from 1",
         *           "status": "pending"
         *         }
         *       ],
         *       "estimated_files": [
         *         "paging.py"
         *       ],
         *       "is_complex": false,
         *       "sequence": 7,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606703700
         *     }
         */
        PlanEvent: {
            /** @description Files the plan expects to touch, at most ten. */
            estimated_files: string[];
            /** @description True if the plan has more than one step. */
            is_complex: boolean;
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /** @description The steps, at most five. */
            steps: components["schemas"]["LegacyStep"][];
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "plan";
        };
        /** @description A client's classification of a message. */
        PlanIntent: {
            /** @description The message. */
            raw_text?: string | null;
        };
        /** @description A place in a file. */
        PlanRange: {
            /**
             * Format: int64
             * @description The first line, from 0.
             */
            startLine?: number | null;
        };
        /** @description Names a plan. */
        PlanRef: {
            /** @description The plan. */
            plan_id: string;
        };
        /** @description The body of `POST /api/navi/plan`. */
        PlanRequest: {
            context?: components["schemas"]["PlanContext"] | null;
            /** @description The conversation that the work belongs to. */
            conversation_id?: string | null;
            intent?: components["schemas"]["PlanIntent"] | null;
            /** @description The task to plan, at most 512 KiB; `intent.raw_text` when absent. */
            message?: string | null;
            /** @description The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default. */
            model?: string | null;
            /** @description The provider, when `model` is a bare name. */
            provider?: string | null;
            reasoning_effort?: components["schemas"]["Effort"] | null;
            verbosity?: components["schemas"]["Verbosity"] | null;
            /** @description The oldest name of `workspace_path`. */
            workspace?: string | null;
            /** @description The folder to work in; `context.workspace.root` when absent. */
            workspace_path?: string | null;
            /** @description The older name of `workspace_path`. */
            workspace_root?: string | null;
        };
        /**
         * PlanStartEvent
         * @description The plan, as the client's plan view takes it.
         * @example {
         *       "type": "plan_start",
         *       "data": {
         *         "plan_id": "plan-1",
         *         "steps": [
         *           {
         *             "index": 1,
         *             "title": "Mend the paging",
         *             "detail": "Count pages from 1"
         *           }
         *         ]
         *       },
         *       "sequence": 6,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606703600
         *     }
         */
        PlanStartEvent: {
            /** @description The plan. */
            data: components["schemas"]["PlanData"];
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "plan_start";
        };
        /** @description A step of a plan. */
        PlanStep: {
            /** @description At most 180 characters. */
            detail: string;
            /**
             * Format: u-int32
             * @description Counts from 1.
             */
            index: number;
            /** @description At most 72 characters. */
            title: string;
        };
        /** @description A folder that is open. */
        PlanWorkspace: {
            /** @description Its absolute path. */
            root?: string | null;
        };
        /** @description The result, in words for a person. */
        PreferenceForgotten: {
            message: string;
            success: boolean;
        };
        /** @description Preferences. */
        PreferenceList: {
            /** @description Number of preferences. */
            count: number;
            /** @description At most 500, the newest first. */
            preferences: components["schemas"]["PreferenceView"][];
            success: boolean;
        };
        /**
         * @description The scope of a preference.
         * @enum {string}
         */
        PreferenceType: "exact_command" | "command_type";
        /** @description Something that its owner does not want to be asked again. */
        PreferenceView: {
            /** @description The command, or the object that its type is bound to. */
            command_pattern: string;
            /** @description The covered actions, in a sentence. */
            covers: string;
            /**
             * Format: date-time
             * @description The moment from which it holds.
             */
            created_at: string;
            /**
             * Format: uuid
             * @description The run whose question led to it.
             */
            created_by_task_id?: string | null;
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            /** @description Scope of the preference. */
            preference_type: components["schemas"]["PreferenceType"];
            /** @description Where it holds. */
            workspace: string;
        };
        /** @description US dollars for a million tokens. */
        Prices: {
            /** @description Input read from the provider's cache; null when the price list does not say. */
            cache_read?: string | null;
            /** @description Input written to the provider's cache; null when the price list does not say. */
            cache_write?: string | null;
            /** @description Input that is not cached. */
            input: string;
            /** @description Output, reasoning included. */
            output: string;
        };
        /**
         * @description An error as HTTP shows it: `application/problem+json` with the members old clients read
         *     (`detail`, `error_code`, `request_id`) and the header `X-Error-Code`.
         *
         *     `request_id` is filled in by the middleware that knows it.
         * @example {
         *       "type": "/problems/job-not-found",
         *       "title": "Not Found",
         *       "status": 404,
         *       "detail": "job `01a20726-d234-78ba-afff-0228cde00a5d` not found",
         *       "error_code": "JOB_NOT_FOUND",
         *       "request_id": "01a20726-d234-78ba-afff-0228cde00a5e"
         *     }
         */
        Problem: {
            /** @description The problem and its remedy, for a person. */
            detail: string;
            /** @description The machine-readable code; see `docs/errors.md`. */
            error_code: components["schemas"]["ErrorCode"];
            /** @description The request this answers; also in the header `X-Request-Id`. */
            request_id?: string | null;
            /**
             * Format: u-int64
             * @description Seconds after which trying again makes sense; also in the header `Retry-After`.
             */
            retry_after?: number | null;
            /**
             * Format: u-int16
             * @description The HTTP status code.
             */
            status: number;
            /** @description The status' standard phrase. */
            title: string;
            /** @description A URI reference that names the kind of problem, `/problems/<slug>`. */
            type: string;
        };
        /** @description The answer to a question of a run. */
        PromptAnswer: {
            /** @description True when the user does not want to answer. */
            cancelled?: boolean | null;
            /** @description True with `cancelled` where no person could be asked, such as in a script; the run receives it as that. */
            nobody_asked?: boolean | null;
            /** @description The answer; a text, or whatever the question's type asks for. */
            response?: unknown;
        };
        /**
         * @description The ways to answer a question.
         * @enum {string}
         */
        PromptKind: "text" | "select" | "confirm" | "multiselect";
        /** @description An answer to choose. */
        PromptOption: {
            /** @description The text to show to a person. */
            label: string;
            /** @description The value to send as `response`. */
            value: string;
        };
        /** @description A question of a run to its user: `data` of the event `prompt_request`. */
        PromptRequest: {
            /** @description The answer that is proposed. */
            default_value: string | null;
            /** @description The question. */
            description: string;
            /** @description The answers to choose from; empty unless it is a choice. */
            options: components["schemas"]["PromptOption"][];
            /** @description Text that an empty field shows. */
            placeholder: string | null;
            /**
             * Format: uuid
             * @description Answered with `POST /api/navi/prompt/{prompt_id}`.
             */
            prompt_id: string;
            /** @description The kind of answer. */
            prompt_type: components["schemas"]["PromptKind"];
            /** @description Always true. */
            required: boolean;
            /**
             * Format: u-int64
             * @description The run goes on without an answer after this many seconds.
             */
            timeout_seconds: number;
            /** @description A few words. */
            title: string;
            /** @description Always null. */
            validation_pattern: string | null;
        };
        /**
         * PromptRequestEvent
         * @description A question to the user; answered with `POST /api/navi/prompt/{id}`.
         * @example {
         *       "type": "prompt_request",
         *       "data": {
         *         "prompt_id": "01a2127f-ed55-70f3-8b16-3c7de1a04f92",
         *         "prompt_type": "select",
         *         "title": "Question",
         *         "description": "Which colour?",
         *         "placeholder": null,
         *         "default_value": null,
         *         "options": [
         *           {
         *             "value": "red",
         *             "label": "red"
         *           },
         *           {
         *             "value": "blue",
         *             "label": "blue"
         *           }
         *         ],
         *         "validation_pattern": null,
         *         "required": true,
         *         "timeout_seconds": 300
         *       },
         *       "timestamp": 1795606704800,
         *       "sequence": 18,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "paused_for_approval"
         *     }
         */
        PromptRequestEvent: {
            data: components["schemas"]["PromptRequest"];
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "prompt_request";
        };
        /** @description Confirmation of an answer. */
        PromptTaken: {
            cancelled: boolean;
            message: string;
            /** Format: uuid */
            prompt_id: string;
            success: boolean;
        };
        /**
         * @description The providers whose tokens can be kept.
         * @enum {string}
         */
        Provider: "github" | "jira" | "slack";
        /** @description Event rates of a time range. */
        Rates: {
            /** @description Length of the periods. */
            by: components["schemas"]["Period"];
            /**
             * Format: int64
             * @description Number of series left out.
             */
            left_out: number;
            /** @description Series, those with the most events first; at most 50. */
            series: components["schemas"]["RateSeries"][];
            /** @description Starts of the periods. */
            times: string[];
        };
        /** @description Events of a type from clients of a version, by period. */
        RateSeries: {
            /** @description Number of events in each period. */
            counts: number[];
            /**
             * Format: int64
             * @description Number of events.
             */
            events: number;
            /** @description Event type; `<other>` for types beyond the limit of an hour. */
            type: string;
            /** @description Version of the client; null if unknown. */
            version?: string | null;
        };
        /** @description A rating of an answer. */
        Rating: {
            /** @description Comment, without secrets. */
            comment?: string | null;
            /**
             * Format: int64
             * @description Answer.
             */
            gen_id: number;
            /**
             * Format: int16
             * @description -1 rejected, 0 withdrawn, 1 accepted.
             */
            rating: number;
            /** @description Reason in a word, without secrets. */
            reason?: string | null;
            /**
             * Format: date-time
             * @description Time of the rating; the same rating again does not change it.
             */
            updated_at: string;
        };
        /** @description Confirmation of a rating. */
        RatingStored: components["schemas"]["Rating"] & {
            /** @description The same in words. */
            message: string;
            /** @description Always true; a failure is a problem document. */
            success: boolean;
        };
        /**
         * @description The reason why an event was not stored.
         * @enum {string}
         */
        Reason: "invalid" | "type_too_long" | "too_deep" | "number_out_of_range" | "unstorable" | "batch_id_reused";
        /** @description A rating and the answer it is of. */
        RecentRating: {
            /** @description Category of the work. */
            category: string;
            /** @description Comment. */
            comment?: string | null;
            /**
             * Format: date-time
             * @description Time of the first rating.
             */
            created_at: string;
            /**
             * Format: int64
             * @description Answer.
             */
            gen_id: number;
            /**
             * Format: int64
             * @description Row number.
             */
            id: number;
            /** @description Model that answered. */
            model: string;
            /**
             * Format: int16
             * @description -1 rejected, 0 withdrawn, 1 accepted.
             */
            rating: number;
            /** @description Reason, in a word. */
            reason?: string | null;
            /** @description Signals on the answer. */
            signals: string[];
            /** @description Run or conversation of the answer. */
            task_id?: string | null;
            /**
             * @description `codegen`, `summarize`, `chat` or `analysis`.
             * @enum {string}
             */
            task_type: "codegen" | "summarize" | "chat" | "analysis";
            /**
             * Format: double
             * @description Temperature; null if the provider's default was used.
             */
            temperature?: number | null;
            /**
             * Format: date-time
             * @description Time of the last change.
             */
            updated_at: string;
        };
        /** @description A page of ratings. */
        RecentRatings: {
            /** @description Ratings, by the time of the first rating, newest first. */
            feedback: components["schemas"]["RecentRating"][];
            /** @description Cursor of the next page; null on the last. */
            next_cursor?: string | null;
            /**
             * Format: int64
             * @description Number of ratings in the organisation.
             */
            total_count: number;
        };
        /** @description The registry. */
        Registry: {
            /** @description The model or mode of a request that names none. */
            default: string;
            /** @description Every model. */
            models: components["schemas"]["Model"][];
            /** @description Names that stand for a choice of models, with its candidates in order. */
            modes: components["schemas"]["Mode"][];
            named?: components["schemas"]["NamedModel"] | null;
        };
        /** @description An event that was not stored. */
        Rejected: {
            /** @description Reason, in words. */
            detail: string;
            /** @description Index in the batch, from 0. */
            index: number;
            /** @description Reason, for programs. */
            reason: components["schemas"]["Reason"];
        };
        /** @description A file that has another path, relative to the workspace. */
        Renamed: {
            /** @description The path that it had. */
            from: string;
            /** @description The path that it has. */
            to: string;
        };
        /** @description Resolution of an error group. */
        ResolveError: {
            /** @description Notes, at most 1000 characters, visible to everyone in the organisation. */
            notes?: string | null;
            /** @description Reopen it instead. */
            reopen?: boolean | null;
        };
        /**
         * @description Why a run had stopped before it was resumed.
         * @enum {string}
         */
        ResumeReason: "released" | "worker_lost" | "requested" | "asked_again";
        /** @description Retention of audit entries. */
        RetentionStatus: {
            /**
             * Format: date-time
             * @description Months that end before this are dropped; the beginning of 1970 when none is.
             */
            cutoff_iso: string;
            /** @description True when old entries are dropped. */
            enabled: boolean;
            /**
             * Format: int64
             * @description The records of the caller's organisation that should have been dropped by now.
             */
            overdue_count: number;
            /**
             * Format: int32
             * @description The days for which entries are kept; 0 means no limit.
             */
            retention_days: number;
        };
        /**
         * ReviewCompleteEvent
         * @description A review.
         */
        ReviewCompleteEvent: {
            /** @description Lines that are new in the reviewed files. */
            additions: number;
            /** @description Lines that are gone from them. */
            deletions: number;
            /** @description The model that reviewed; null when there was nothing to review. */
            model?: string | null;
            /**
             * Format: u-int8
             * @description Always 100: a review that is shown is complete.
             */
            progress: number;
            /** @description The files that were reviewed. */
            results: components["schemas"]["ReviewedFile"][];
            /** @description The files that were not. */
            skipped: components["schemas"]["SkippedFile"][];
            /** @description Always true. */
            success: boolean;
            /** @description A description of the changes, in sentences. */
            summary: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "complete";
            /** @description Remarks about the review itself, such as the files that were not reviewed. */
            warning?: string | null;
        };
        /** @description A file that was reviewed. */
        ReviewedFile: {
            /**
             * @description `added`, `modified`, `deleted`, `renamed`, `of another type` or `untracked`.
             * @enum {string}
             */
            change: "added" | "modified" | "deleted" | "renamed" | "of another type" | "untracked";
            /** @description The difference from the last commit, without secrets. */
            diff: string;
            /** @description Its former path, when it was renamed. */
            from?: string | null;
            /** @description The findings, by line. */
            issues: components["schemas"]["ReviewIssue"][];
            /** @description Its path, relative to the workspace. */
            path: string;
            /** @description That of its gravest issue; `low` without any. */
            severity: components["schemas"]["ReviewSeverity"];
        };
        /**
         * ReviewErrorEvent
         * @description Something failed; nothing is claimed.
         */
        ReviewErrorEvent: {
            /** @description The machine-readable code; see `docs/errors.md`. */
            code: components["schemas"]["ErrorCode"];
            /** @description The same. */
            error: string;
            /** @description A sentence for a person. */
            message: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "error";
        };
        /** @description An event of a review; `type` names its kind. Ignore unknown types: new ones may be added. */
        ReviewEvent: components["schemas"]["ReviewProgressEvent"] | components["schemas"]["ReviewReviewEvent"] | components["schemas"]["ReviewResultEvent"] | components["schemas"]["ReviewErrorEvent"] | components["schemas"]["ReviewCompleteEvent"] | components["schemas"]["HeartbeatEvent"];
        /** @description A frame of an event stream, its `data` read as JSON; of the last frame it is the text `[DONE]`. */
        ReviewFrame: {
            /** @description Of the last frame the text `[DONE]`, which is no JSON; of the others an object, known by its `type`. */
            data: components["schemas"]["ReviewEvent"] | "[DONE]";
            /** @description The event's number, from 1 without gaps; heartbeats and `[DONE]` have none. */
            id?: string;
        };
        /** @description A finding. */
        ReviewIssue: {
            /** @description In sentences. */
            body: string;
            /** @description Always false: a review changes nothing. Ask for a run to mend it. */
            canAutoFix: boolean;
            /** @description Names it within the review. */
            id: string;
            /**
             * Format: u-int32
             * @description The line of the new file; null when it is about no line that the diff shows.
             */
            line?: number | null;
            /** @description Its weight. */
            severity: components["schemas"]["ReviewSeverity"];
            /** @description A way to mend it. */
            suggestion?: string | null;
            /** @description In a few words. */
            title: string;
        };
        /**
         * ReviewProgressEvent
         * @description The progress of the review.
         */
        ReviewProgressEvent: {
            /**
             * Format: u-int8
             * @description In percent.
             */
            progress: number;
            /** @description A sentence for a person. */
            step: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "progress";
        };
        /** @description The folder to review, and the model. */
        ReviewRequest: {
            /** @description The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default. */
            model?: string | null;
            /** @description The provider, when `model` is a bare name. */
            provider?: string | null;
            /** @description Another name of `workspace_root`. */
            workspace_path?: string | null;
            /** @description The folder whose changes since the last commit are reviewed. */
            workspace_root?: string | null;
        };
        /**
         * ReviewResultEvent
         * @description The review under older names.
         */
        ReviewResultEvent: {
            /** @description `summary`, and `files` of `path` and `issues`. */
            result: {
                [key: string]: unknown;
            };
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "result";
        };
        /**
         * ReviewReviewEvent
         * @description The review, for clients that read this event.
         */
        ReviewReviewEvent: {
            /** @description The text of `{"files": …, "summary": …, "warning": …}`. */
            payload: string;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "review";
        };
        /**
         * @description The weight of a finding.
         * @enum {string}
         */
        ReviewSeverity: "low" | "medium" | "high";
        /** @description A review as a stream, as server-sent events: each `data:` line holds the `data` of a `ReviewFrame`, the last one `[DONE]`. */
        ReviewStream: string;
        /** @description A review. */
        ReviewView: {
            /** @description Lines that are new in the reviewed files. */
            additions: number;
            /** @description Lines that are gone from them. */
            deletions: number;
            /** @description The model that reviewed; null when there was nothing to review. */
            model?: string | null;
            /**
             * Format: u-int8
             * @description Always 100: a review that is shown is complete.
             */
            progress: number;
            /** @description The files that were reviewed. */
            results: components["schemas"]["ReviewedFile"][];
            /** @description The files that were not. */
            skipped: components["schemas"]["SkippedFile"][];
            /** @description Always true. */
            success: boolean;
            /** @description A description of the changes, in sentences. */
            summary: string;
            /** @description Remarks about the review itself, such as the files that were not reviewed. */
            warning?: string | null;
        };
        /** @description New text of an insight. */
        RewordInsight: {
            /** @description One line of 1 to 300 characters, copied into prompts. */
            description?: string | null;
            /** @description One line of 1 to 120 characters. */
            title?: string | null;
        };
        /**
         * @description The permissions of a principal; the order is the order of power.
         * @enum {string}
         */
        Role: "viewer" | "planner" | "admin";
        /**
         * @description The kind of request that a model was chosen for.
         * @enum {string}
         */
        RoutedTask: "autonomous" | "chat";
        /** @description Which model was chosen, and why. */
        RouterInfo: {
            /** @description The name that may have been meant by one that is not known. */
            didYouMean?: string;
            /** @description The model that answers. */
            effectiveModelId: string;
            /** @description The same in a sentence. */
            fallbackReason: string | null;
            fallbackReasonCode: components["schemas"]["FallbackReason"] | null;
            /** @description The part of the repository's words that the model was shown, where it has any. */
            instructions?: components["schemas"]["Instructions"];
            /** @description `mode` of the request. */
            mode: string | null;
            /** @description The provider's name of it. */
            model: string;
            /** @description The same as `effectiveModelId`. */
            modelId: string;
            /** @description Its provider. */
            provider: string;
            /** @description The mode that was asked for. */
            requestedModeId: string | null;
            /** @description The model that was asked for. */
            requestedModelId: string | null;
            /** @description The wall around the commands of a run. */
            sandbox?: components["schemas"]["SandboxInfo"];
            /** @description The kind of request. */
            task_type: components["schemas"]["RoutedTask"];
            /** @description True when another one answers than was asked for. */
            wasFallback: boolean;
        };
        /**
         * RouterInfoEvent
         * @description Which model was chosen and why. On the wire it is the first frame and has no `type`.
         * @example {
         *       "type": "router_info",
         *       "router_info": {
         *         "requestedModelId": null,
         *         "requestedModeId": "navi/intelligence",
         *         "effectiveModelId": "anthropic/claude-sonnet-4",
         *         "provider": "anthropic",
         *         "model": "claude-sonnet-4",
         *         "wasFallback": false,
         *         "fallbackReasonCode": null,
         *         "fallbackReason": null,
         *         "modelId": "anthropic/claude-sonnet-4",
         *         "mode": null,
         *         "task_type": "autonomous",
         *         "sandbox": {
         *           "tier": "full",
         *           "missing": []
         *         }
         *       },
         *       "sequence": 3,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606703300
         *     }
         */
        RouterInfoEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            router_info: components["schemas"]["RouterInfo"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "router_info";
        };
        /**
         * @description The first frame of a stream that is not a job's: `router_info`, and alone of all frames no `type`, as the oldest
         *     clients know it.
         */
        RouterInfoFrame: {
            /** @description Which model was chosen, and why. */
            router_info: components["schemas"]["RouterInfo"];
            type?: null;
        };
        /** @description An event of a run; `type` names its kind. Ignore unknown types: new ones may be added. */
        RunEvent: components["schemas"]["RouterInfoEvent"] | components["schemas"]["StatusEvent"] | components["schemas"]["ThinkingProgressEvent"] | components["schemas"]["PlanStartEvent"] | components["schemas"]["PlanEvent"] | components["schemas"]["StepUpdateEvent"] | components["schemas"]["PlanCompleteEvent"] | components["schemas"]["TextEvent"] | components["schemas"]["ToolCallEvent"] | components["schemas"]["ToolResultEvent"] | components["schemas"]["CommandOutputEvent"] | components["schemas"]["CheckOutputEvent"] | components["schemas"]["NetworkConnectionEvent"] | components["schemas"]["PromptRequestEvent"] | components["schemas"]["IterationEvent"] | components["schemas"]["VerificationEvent"] | components["schemas"]["NextStepsEvent"] | components["schemas"]["GenerationLoggedEvent"] | components["schemas"]["ConsentRequiredEvent"] | components["schemas"]["ApprovalRecordedEvent"] | components["schemas"]["ApprovalDeniedEvent"] | components["schemas"]["JobCreatedEvent"] | components["schemas"]["JobStartedEvent"] | components["schemas"]["JobResumedEvent"] | components["schemas"]["JobPausedEvent"] | components["schemas"]["CancelRequestedEvent"] | components["schemas"]["JobCompletedEvent"] | components["schemas"]["JobFailedEvent"] | components["schemas"]["JobCanceledEvent"] | components["schemas"]["ErrorEvent"] | components["schemas"]["CompleteEvent"] | components["schemas"]["HeartbeatEvent"] | components["schemas"]["JobTerminalEvent"];
        /** @description A frame of an event stream, its `data` read as JSON; of the last frame it is the text `[DONE]`. */
        RunFrame: {
            /** @description Of the last frame the text `[DONE]`, which is no JSON; of the others an object, known by its `type`. */
            data: components["schemas"]["RunEvent"] | components["schemas"]["RouterInfoFrame"] | "[DONE]";
            /** @description The event's number, from 1 without gaps; heartbeats and `[DONE]` have none. */
            id?: string;
        };
        /** @description The events of a run as they happen, as server-sent events: each `data:` line holds the `data` of a `RunFrame`, the last one `[DONE]`. */
        RunStream: string;
        /**
         * @description The degree to which a task was done.
         * @enum {string}
         */
        RunVerdict: "done" | "partly" | "failed";
        /** @description The wall around the commands of a run. */
        SandboxInfo: {
            /** @description The requirements of a stronger one that are missing. */
            missing: string[];
            /** @description Its strength. */
            tier: components["schemas"]["SandboxTier"];
        };
        /**
         * @description The strength of a wall.
         * @enum {string}
         */
        SandboxTier: "full" | "no-namespaces" | "none";
        /** @description A token for any provider. */
        SaveConnector: {
            /** @description Where it is good; the server's settings when absent or empty. */
            base_url?: string | null;
            extra?: components["schemas"]["ConnectorExtra"] | null;
            /** @description Absent or `default`: each person has one connection to a provider. */
            name?: string | null;
            /** @description The provider: `github`, `jira` or `slack`, in letters of either case. */
            provider: string;
            /** @description The token, at most 4096 characters. It is never given out again. */
            token: string;
        };
        /** @description The security settings. Holds no secret and no full name of a key. */
        SecurityStatus: {
            /** @description Retention of audit entries. */
            audit_retention: components["schemas"]["RetentionStatus"];
            /** @description Keys that seal stored values. */
            encryption: components["schemas"]["EncryptionStatus"];
            /** @description Tokens that are signed with a secret. */
            jwt: components["schemas"]["JwtStatus"];
            /** @description The identity provider. */
            sso: components["schemas"]["SsoStatus"];
        };
        /**
         * @description Signals that clients observe.
         * @enum {string}
         */
        SeenSignal: "kept" | "edited" | "reverted";
        /** @description An organisation by its id. */
        Selection: {
            /** @description The id. */
            org_id: string;
        };
        /** @description Confirmation of a signal. */
        SignalNoted: {
            /**
             * Format: int64
             * @description Answer.
             */
            gen_id: number;
            /** @description The same in words. */
            message: string;
            /** @description Signal. */
            signal: string;
            /** @description Always true; a failure is a problem document. */
            success: boolean;
        };
        /** @description A file that was not reviewed. */
        SkippedFile: {
            /** @description Its path, relative to the workspace. */
            path: string;
            /**
             * @description `secret`, `binary`, `large`, `link`, `nested_repository`, `unreadable`, `too_many_files`,
             *     `too_much_text` or `unanswered`.
             * @enum {string}
             */
            reason: "secret" | "binary" | "large" | "link" | "nested_repository" | "unreadable" | "too_many_files" | "too_much_text" | "unanswered";
        };
        /** @description The identity provider. */
        SsoStatus: {
            /** @description True when tokens must name the configured audience. */
            auth0_audience_configured: boolean;
            /** @description True when tokens must be made for one of the configured clients. */
            auth0_client_configured: boolean;
            /** @description The domain of the Auth0 tenant, or of another issuer; empty without an identity provider. */
            auth0_domain: string;
            /** @description Always false: clients sign in with the identity provider themselves. */
            device_flow_enabled: boolean;
        };
        /** @description A sign of life in the shape that old clients read. */
        Status: {
            /** @description Always `navi`. */
            service: string;
            /** @description Always `ok`. */
            status: string;
        };
        /**
         * StatusEvent
         * @description Where the run stands.
         * @example {
         *       "type": "status",
         *       "status": "planning",
         *       "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "sequence": 4,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606703400
         *     }
         */
        StatusEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description The prompt that is waited for. */
            prompt_id?: string;
            /** @description Why, when the phase does not speak for itself. */
            reason?: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /** @description The phase that begins. */
            status: components["schemas"]["Phase"];
            /**
             * Format: uuid
             * @description The run, on the first status only.
             */
            task_id?: string;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "status";
        };
        /** @description The progress of a step. */
        StepData: {
            /** @description The plan. */
            plan_id: string;
            /** @description Where the step stands now. */
            status: components["schemas"]["StepStatus"];
            /**
             * Format: u-int32
             * @description Counts from 0.
             */
            step_index: number;
        };
        /**
         * @description Where a step stands.
         * @enum {string}
         */
        StepStatus: "running" | "completed" | "error";
        /**
         * StepUpdateEvent
         * @description A step of the plan moved on.
         * @example {
         *       "type": "step_update",
         *       "data": {
         *         "plan_id": "plan-1",
         *         "step_index": 0,
         *         "status": "running"
         *       },
         *       "sequence": 8,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606703800
         *     }
         */
        StepUpdateEvent: {
            /** @description Which step, and how. */
            data: components["schemas"]["StepData"];
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "step_update";
        };
        /**
         * @description Why a run ended; the value of `stopped_reason`.
         * @enum {string}
         */
        StoppedReason: "completed" | "verification_failed" | "failures_existed_before" | "max_iterations" | "iteration_loop_detected" | "runtime_cap_reached" | "tool_call_limit" | "cost_limit" | "model_error" | "cancelled" | "internal_error";
        /** @description A ticket that opens a stream. */
        StreamTicket: {
            /**
             * Format: date-time
             * @description When it expires.
             */
            expires_at: string;
            /**
             * Format: u-int32
             * @description Seconds until it expires. A stream that is open by then stays open.
             */
            expires_in: number;
            /** @description The path that it opens, as `GET` and as often as you like. */
            path: string;
            /** @description For the parameter `ticket` of the stream's address. */
            ticket: string;
        };
        /** @description The stream that is to be opened. */
        StreamTicketRequest: {
            /**
             * @description The path of the stream, such as `/api/jobs/{job_id}/events`, without a query.
             * @example /api/jobs/01890a5d-ac96-774b-bcce-b302099a8057/events
             */
            path: string;
        };
        /** @description A rating of an answer. */
        SubmitRating: {
            /** @description Comment, at most 1000 characters. */
            comment?: string | null;
            /**
             * Format: int64
             * @description `gen_id` of the event `generation_logged`.
             */
            gen_id: number;
            /**
             * Format: int64
             * @description -1 rejects, 1 accepts, 0 withdraws.
             */
            rating: number;
            /** @description Reason in a word, at most 64 characters. */
            reason?: string | null;
        };
        /** @description The end of a run: the one shape of `complete.summary`. */
        Summary: {
            /**
             * Format: double
             * @description The part of the input that came from the provider's cache, 0 to 1; null when nothing was counted.
             */
            cache_hit_rate: number | null;
            /**
             * @description False if files that commands changed may be missing from these lists: there were too many to compare,
             *     or the server was lost.
             */
            changes_complete: boolean;
            /**
             * Format: double
             * @description Cost of all calls in US dollars; null when the price of any of them is unknown.
             */
            cost_usd?: number | null;
            /**
             * Format: u-int64
             * @description Wall-clock duration in milliseconds.
             */
            elapsed_ms: number;
            /** @description Files that did not exist before. */
            files_created: string[];
            /** @description Files that existed before and are gone. */
            files_deleted: string[];
            /** @description Files that existed before and were changed, by a tool or by a command. */
            files_modified: string[];
            /** @description Files that tools read, relative to the workspace. */
            files_read: string[];
            /** @description Files that existed before and have another path. */
            files_renamed: components["schemas"]["Renamed"][];
            /**
             * Format: u-int32
             * @description Rounds of turns and verification.
             */
            iterations: number;
            /** @description Suggested next steps for the user. */
            next_steps: string[];
            /** @description Its obstacles, a fact each, as people read them. */
            obstacles: string[];
            /** @description Why it ended; `completed` when the model said it was done. */
            stopped_reason: components["schemas"]["StoppedReason"];
            /** @description True if the run came to its end and no check failed; `verdict` says how far the task was done. */
            success: boolean;
            /**
             * Format: uuid
             * @description The run.
             */
            task_id: string;
            /** @description Tokens of all calls. */
            tokens: components["schemas"]["Tokens"];
            /**
             * @description The degree to which it was done, which is also the exit code of `navi agent run`: `done` 0, `partly` 4,
             *     `failed` 1.
             */
            verdict: components["schemas"]["RunVerdict"];
            /** @description The result of the project's own checks at the end. */
            verification: components["schemas"]["Verification"];
        };
        /** @description The body of `POST /api/navi/chat/autonomous`, `…/chat/stream/v2`, `…/chat/stream` and `…/chat`. */
        TaskRequest: {
            /** @description Files, selections and images that belong to the request. */
            attachments?: components["schemas"]["Attachment"][] | null;
            /** @description The messages before this one, oldest first. A last entry that repeats `message` is dropped. */
            conversation_history?: components["schemas"]["HistoryEntry"][] | null;
            /**
             * @description The conversation this belongs to; its messages are the history when none is sent. A UUID that
             *     no conversation has begins one; any other text means a request without a stored conversation.
             */
            conversation_id?: string | null;
            /** @description The older name of `conversation_history`. */
            conversationHistory?: components["schemas"]["HistoryEntry"][] | null;
            /** @description The file that is open in the editor. */
            current_file?: string | null;
            /** @description Its content. */
            current_file_content?: string | null;
            /** @description Diagnostics of the editor. */
            errors?: components["schemas"]["EditorError"][] | null;
            /** @description The failure of the client's last action: a text, or any JSON that describes it. */
            last_action_error?: unknown;
            /**
             * Format: u-int32
             * @description The most rounds of work and verification, 1 to 100.
             */
            max_iterations?: number | null;
            /** @description The message, at most 512 KiB; not blank. */
            message: string;
            /** @description The client's mode; recorded, not interpreted. */
            mode?: string | null;
            /** @description The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default. */
            model?: string | null;
            on_disconnect?: components["schemas"]["OnDisconnect"] | null;
            /** @description The provider, when `model` is a bare name. */
            provider?: string | null;
            reasoning_effort?: components["schemas"]["Effort"] | null;
            /** @description Run the project's checks before the run may end; true unless this is false. */
            run_verification?: boolean | null;
            /** @description The selected text. */
            selection?: string | null;
            verbosity?: components["schemas"]["Verbosity"] | null;
            /** @description The folder to work in. */
            workspace_path?: string | null;
            /** @description The older name of `workspace_path`. */
            workspace_root?: string | null;
        };
        /** @description The result of a batch. */
        TelemetryAnswer: {
            /** @description Your id of the batch. */
            batchId: string;
            /** @description Events that were changed for storage. */
            eventsChanged: components["schemas"]["ChangedEvent"][];
            /** @description Number of events stored by this request or an earlier one. */
            eventsPersisted: number;
            /** @description Number of events received. */
            eventsReceived: number;
            /** @description Rejected events. */
            eventsRejected: components["schemas"]["Rejected"][];
            /** @description Result in words. */
            message: string;
            /** @description True if every event of the batch is stored. */
            success: boolean;
        };
        /** @description A batch of events. Fields that are not listed are stored with the event. */
        TelemetryBatch: {
            /** @description Your id of the batch, 1 to 128 bytes. A batch sent again is stored once. */
            batchId: string;
            /** @description Events, at most 1000. */
            events: components["schemas"]["TelemetryEvent"][];
            /** @description Client; `vscode` when absent. */
            source?: string | null;
            /**
             * Format: int64
             * @description Time of sending, in milliseconds since 1970.
             */
            timestamp?: number | null;
            /** @description Version of the client, for events without one. */
            version?: string | null;
        };
        /** @description An event of a client. */
        TelemetryEvent: {
            /**
             * @description Data. Secrets are redacted, strings truncated to 10000 characters, and data beyond 50000 bytes
             *     dropped.
             */
            data?: {
                [key: string]: unknown;
            } | null;
            /** @description Run. */
            runId?: string | null;
            /** @description Session of the client. */
            sessionId?: string | null;
            /**
             * Format: double
             * @description Time in milliseconds since 1970; clamped to the last 30 days.
             */
            timestamp?: number | null;
            /** @description Trace: 32 hexadecimal digits, or a whole `traceparent`. */
            traceId?: string | null;
            /** @description Type, such as `navi.error` or `navi.streaming.performance`; at most 128 characters. */
            type: string;
            /** @description Version of the client. */
            version?: string | null;
            /** @description Folder; stored as a pseudonym. */
            workspaceRoot?: string | null;
        };
        /** @description Health of telemetry. */
        TelemetryHealth: {
            /** @description `telemetry`. */
            service: string;
            /** @description `healthy`. */
            status: string;
        };
        /**
         * TextEvent
         * @description A piece of the model's text.
         * @example {
         *       "type": "text",
         *       "text": "I look at the test first. ",
         *       "timestamp": 1795606703900,
         *       "sequence": 9,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running"
         *     }
         */
        TextEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /** @description The piece. */
            text: string;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "text";
        };
        /**
         * ThinkingProgressEvent
         * @description The run's activity before its first turn.
         * @example {
         *       "type": "thinking_progress",
         *       "message": "Looking for the code that matters",
         *       "timestamp": 1795606703500,
         *       "sequence": 5,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running"
         *     }
         */
        ThinkingProgressEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description A sentence for a person. */
            message: string;
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "thinking_progress";
        };
        /** @description A personal token. */
        TokenRequest: {
            /** @description Where it is good, when not where the server's settings say; a public https address. */
            base_url?: string | null;
            /** @description The address that you sign in to Jira with; for Jira alone. */
            email?: string | null;
            /** @description The token, at most 4096 characters. It is never given out again. */
            token: string;
        };
        /** @description Tokens of a run. */
        Tokens: {
            /**
             * Format: u-int64
             * @description Input read from the provider's cache.
             */
            cache_read: number;
            /**
             * Format: u-int64
             * @description Input written to the provider's cache.
             */
            cache_write: number;
            /**
             * Format: u-int64
             * @description Input, with what was read from and written to the cache.
             */
            input: number;
            /**
             * Format: u-int64
             * @description Output, with reasoning.
             */
            output: number;
        };
        /**
         * @description The public form of a verdict.
         * @enum {string}
         */
        TokenVerification: "accepted" | "refused" | "unreachable";
        /** @description A tool call as clients see it. */
        ToolCallData: {
            /** @description Its arguments; a string when the model sent no JSON object. */
            arguments: unknown;
            /** @description The provider's id of the call. */
            id: string;
            /** @description The tool. */
            name: string;
        };
        /**
         * ToolCallEvent
         * @description The model asked for a tool; shown before it runs.
         * @example {
         *       "type": "tool_call",
         *       "tool_call": {
         *         "id": "call_1",
         *         "name": "read_file",
         *         "arguments": {
         *           "path": "paging.py"
         *         }
         *       },
         *       "timestamp": 1795606704000,
         *       "sequence": 10,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running"
         *     }
         */
        ToolCallEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /** @description The call. */
            tool_call: components["schemas"]["ToolCallData"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool_call";
        };
        /** @description A tool's result as clients see it. */
        ToolResultData: {
            /** @description The call it answers. */
            id: string;
            /** @description `success` and what the tool says beyond it. */
            result: {
                [key: string]: unknown;
            };
        };
        /**
         * ToolResultEvent
         * @description The result of a tool call.
         * @example {
         *       "type": "tool_result",
         *       "tool_result": {
         *         "id": "call_1",
         *         "result": {
         *           "success": true,
         *           "content": "def first(page, size):\n    return page * size\n"
         *         }
         *       },
         *       "timestamp": 1795606704100,
         *       "sequence": 11,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running"
         *     }
         */
        ToolResultEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch.
             */
            timestamp: number;
            /** @description The result. */
            tool_result: components["schemas"]["ToolResultData"];
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "tool_result";
        };
        /**
         * @description The length of an answer.
         * @enum {string}
         */
        Verbosity: "low" | "medium" | "high";
        /**
         * @description The result of all the project's checks together.
         * @enum {string}
         */
        Verification: "passed" | "failed" | "not_run";
        /**
         * VerificationEvent
         * @description The project's own checks ran, or could not.
         * @example {
         *       "type": "verification",
         *       "results": [
         *         {
         *           "type": "tests",
         *           "command": "pytest -q",
         *           "success": true,
         *           "errors": [],
         *           "warnings": [],
         *           "failed_before": []
         *         }
         *       ],
         *       "outcome": "passed",
         *       "sequence": 20,
         *       "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
         *       "job_status": "running",
         *       "timestamp": 1795606705000
         *     }
         */
        VerificationEvent: {
            /**
             * Format: uuid
             * @description The job, in its stream.
             */
            job_id?: string;
            job_status?: components["schemas"]["JobStatus"];
            /** @description The overall result. */
            outcome: components["schemas"]["Verification"];
            /** @description One entry for each command that ran; empty when none did. */
            results: components["schemas"]["CheckData"][];
            /**
             * Format: int64
             * @description The event's number, in the streams of jobs.
             */
            sequence?: number;
            /**
             * Format: int64
             * @description Milliseconds since the epoch, in the streams of jobs.
             */
            timestamp?: number;
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            type: "verification";
        };
        /** @description The running program. */
        Version: {
            /**
             * @description `development`, `staging` or `production`.
             * @enum {string}
             */
            env: "development" | "staging" | "production";
            /** @description Always `navi`. */
            name: string;
            /** @description The version of the program. */
            version: string;
        };
        /**
         * @description The form of a body.
         * @enum {string}
         */
        WebhookFormat: "standard" | "slack";
        /**
         * @description Where a webhook stands.
         * @enum {string}
         */
        WebhookState: "enabled" | "disabled";
        /** @description The webhooks of an organisation. */
        WebhooksView: {
            /** @description All of them, oldest first. */
            webhooks: components["schemas"]["WebhookView"][];
        };
        /** @description A webhook, without its secret. */
        WebhookView: {
            /**
             * Format: date-time
             * @description When it was made.
             */
            created_at: string;
            /**
             * Format: int64
             * @description Notices that were given up.
             */
            dead: number;
            /** @description A description for people. */
            description?: string | null;
            /** @description The kinds of notice it gets. */
            events: string[];
            /**
             * Format: int32
             * @description Attempts that failed since the last that did not.
             */
            failures: number;
            /** @description The form of its bodies. */
            format: components["schemas"]["WebhookFormat"];
            /** @description The webhook. */
            id: string;
            /**
             * Format: date-time
             * @description The last attempt.
             */
            last_attempt_at?: string | null;
            /**
             * Format: date-time
             * @description The last notice that was taken.
             */
            last_delivery_at?: string | null;
            /** @description Why the last attempt failed; null when it did not. */
            last_error?: string | null;
            /**
             * Format: int64
             * @description Notices that are to be sent.
             */
            pending: number;
            /** @description `disabled` when its receiver answered 410. */
            state: components["schemas"]["WebhookState"];
            /** @description Where notices go; of a webhook for Slack the origin alone. */
            url: string;
        };
        /** @description The program that answers. */
        Welcome: {
            /** @description Where to go on. */
            links: components["schemas"]["WelcomeLinks"];
            /** @description Always `navi`. */
            name: string;
            /** @description The version of the program. */
            version: string;
        };
        /** @description Where to go on. */
        WelcomeLinks: {
            /** @description The API as a page. */
            docs: string;
            /** @description Readiness for requests. */
            health: string;
            /** @description Its metrics, for Prometheus. */
            metrics: string;
            /** @description The API as an OpenAPI document. */
            openapi: string;
        };
        /** @description The consent that is answered. */
        WhichConsent: {
            /**
             * Format: uuid
             * @description The consent; the one the job waits for when absent.
             */
            consent_id?: string | null;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    get_root: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description name, version and links */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "navi",
                     *       "version": "0.1.0",
                     *       "links": {
                     *         "docs": "/docs",
                     *         "openapi": "/openapi.json",
                     *         "health": "/health/ready",
                     *         "metrics": "/metrics"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Welcome"];
                    /**
                     * @example <!doctype html>
                     *     <html lang="en">
                     *     <head>
                     *     <meta charset="utf-8">
                     *     <meta name="viewport" content="width=device-width, initial-scale=1">
                     *     <title>NAVI</title>
                     *     <link rel="icon" href="data:,">
                     *     </head>
                     *     <body>
                     *     <h1>NAVI 0.1.0</h1>
                     *     <ul>
                     *     <li><a href="docs">The API as a page</a></li>
                     *     <li><a href="openapi.json">The API as an OpenAPI document</a></li>
                     *     <li><a href="health/ready">Health</a></li>
                     *     <li><a href="metrics">Metrics</a></li>
                     *     </ul>
                     *     </body>
                     *     </html>
                     */
                    "text/html": string;
                };
            };
        };
    };
    security_status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the settings */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "jwt": {
                     *         "enabled": true,
                     *         "has_primary_secret": true,
                     *         "has_previous_secrets": false,
                     *         "rotation_ready": false
                     *       },
                     *       "encryption": {
                     *         "audit_encryption_enabled": true,
                     *         "audit_encryption_key_id": "default",
                     *         "token_encryption_configured": true,
                     *         "token_encryption_key_id": "development"
                     *       },
                     *       "audit_retention": {
                     *         "enabled": true,
                     *         "retention_days": 365,
                     *         "overdue_count": 0,
                     *         "cutoff_iso": "2025-11-25T09:00:00Z"
                     *       },
                     *       "sso": {
                     *         "auth0_domain": "",
                     *         "auth0_client_configured": false,
                     *         "auth0_audience_configured": false,
                     *         "device_flow_enabled": false
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["SecurityStatus"];
                };
            };
        };
    };
    mcp_execute: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    mcp_servers: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    mcp_add_server: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    mcp_remove_server: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    mcp_change_server: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    mcp_test_server: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    mcp_tools: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    organisation_report: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    usage_report: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    list_entries: {
        parameters: {
            query?: {
                /** @description Only those of this person: the token's `sub`. */
                actor?: string;
                /** @description `next_cursor` of the page before. */
                cursor?: number;
                /** @description Only this event. */
                event_type?: components["schemas"]["AuditEvent"];
                /**
                 * @description The shape of the answer. Without one a browser's page that names no media type is sent the
                 *     array, and every other client the object.
                 */
                format?: "object" | "array";
                /** @description At most this many; brought into 1 to 1000, 100 when absent. */
                limit?: number;
                /** @description The organisation, which can only be the caller's: there are no entries of another one. */
                org?: string;
                /** @description Only this outcome. */
                outcome?: components["schemas"]["AuditOutcome"];
                /** @description Only this route template. */
                route?: string;
                /** @description Not before, RFC 3339. */
                since?: string;
                /** @description Before, RFC 3339. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the entries */
            200: {
                headers: {
                    /** @description the next page of an array, RFC 8288 */
                    Link?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "entries": [
                     *         {
                     *           "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400f",
                     *           "sequence": 64,
                     *           "event_type": "http.request",
                     *           "created_at": "2026-11-25T09:00:00Z",
                     *           "completed_at": "2026-11-25T09:00:00Z",
                     *           "actor_kind": "user",
                     *           "actor_sub": "grace",
                     *           "actor_role": "admin",
                     *           "method": "POST",
                     *           "route": "/api/webhooks/{id}/deliveries/{delivery_id}/retry",
                     *           "resource_id": "01a2127f-ea94-7bf2-8872-2cabd2fa400d/01a2127f-ea94-7bf2-8872-2cabd2fa400e",
                     *           "status_code": 200,
                     *           "outcome": "success",
                     *           "duration_ms": 27,
                     *           "request_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4010",
                     *           "trace_id": "4411a0d86bf969c77d1968a41780e96e",
                     *           "run_id": null,
                     *           "has_payload": true,
                     *           "erased": false
                     *         }
                     *       ],
                     *       "next_cursor": 64
                     *     }
                     */
                    "application/json": components["schemas"]["AuditList"];
                };
            };
        };
    };
    get_entry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the entry */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the entry */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400f",
                     *       "sequence": 64,
                     *       "event_type": "http.request",
                     *       "created_at": "2026-11-25T09:00:00Z",
                     *       "completed_at": "2026-11-25T09:00:00Z",
                     *       "actor_kind": "user",
                     *       "actor_sub": "grace",
                     *       "actor_role": "admin",
                     *       "method": "POST",
                     *       "route": "/api/webhooks/{id}/deliveries/{delivery_id}/retry",
                     *       "resource_id": "01a2127f-ea94-7bf2-8872-2cabd2fa400d/01a2127f-ea94-7bf2-8872-2cabd2fa400e",
                     *       "status_code": 200,
                     *       "outcome": "success",
                     *       "duration_ms": 27,
                     *       "request_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4010",
                     *       "trace_id": "4411a0d86bf969c77d1968a41780e96e",
                     *       "run_id": null,
                     *       "has_payload": true,
                     *       "erased": false
                     *     }
                     */
                    "application/json": components["schemas"]["AuditEntry"];
                };
            };
        };
    };
    decrypt_entry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the entry */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "reason": "ticket 4711"
                 *     }
                 */
                "application/json": components["schemas"]["DecryptEntry"];
            };
        };
        responses: {
            /** @description The payload */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400f",
                     *       "key_id": "dev-cb58bda4",
                     *       "payload": {
                     *         "body": {}
                     *       },
                     *       "changes": null
                     *     }
                     */
                    "application/json": components["schemas"]["AuditPayload"];
                };
            };
        };
    };
    look_at_payload: {
        parameters: {
            query?: {
                /** @description Open the payload; false when absent. */
                decrypt?: boolean;
                /**
                 * @description The reason for opening it, 1 to 500 bytes; it is recorded before anything is opened. For the page
                 *     of an older client, which gives none, that is recorded.
                 */
                reason?: string;
            };
            header?: never;
            path: {
                /** @description the entry */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the payload, or a description of it */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400f",
                     *       "encrypted": true,
                     *       "payload": {
                     *         "has_payload": true,
                     *         "key_id": "dev-cb58bda4",
                     *         "sealed_bytes": 91,
                     *         "erased": false
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["AuditPayloadLook"];
                };
            };
        };
    };
    prove_entry: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the entry */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the proof */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400f",
                     *       "checkpoint": "navi-audit/acme\n69\nxeADJWMexYQr…\nhead 9G/ixondHaFv…\ntime 2026-11-25T09:00:00Z\n\n— navi-audit/acme+dev-cb58bda4 EDHIFgsbQHtH…\n",
                     *       "size": 69,
                     *       "keys": [
                     *         "dev-cb58bda4+/Ag…"
                     *       ],
                     *       "records": [
                     *         {
                     *           "sequence": 64,
                     *           "phase": "begun",
                     *           "hash": "qy5MjjIjqmoF…",
                     *           "leaf": "b7U3XhXLXKFO…",
                     *           "path": [
                     *             "53xAUs+xxHa8…",
                     *             "rNYSB2pnBoik…"
                     *           ]
                     *         },
                     *         {
                     *           "sequence": 65,
                     *           "phase": "completed",
                     *           "hash": "QvLCzVt1RiOZ…",
                     *           "leaf": "CK2SqJ2f1g9e…",
                     *           "path": [
                     *             "P5THVxpYPx2Y…",
                     *             "YWjSKXSXreZB…"
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["AuditProof"];
                };
            };
        };
    };
    get_checkpoint: {
        parameters: {
            query?: {
                /** @description The size of a checkpoint that the caller has; the answer proves that the log continues it. */
                since?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the checkpoint */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "size": 69,
                     *       "root": "xeADJWMexYQr…",
                     *       "head": "9G/ixondHaFv…",
                     *       "checkpoint": "navi-audit/acme\n69\nxeADJWMexYQr…\nhead 9G/ixondHaFv…\ntime 2026-11-25T09:00:00Z\n\n— navi-audit/acme+dev-cb58bda4 EDHIFgsbQHtH…\n",
                     *       "keys": [
                     *         "dev-cb58bda4+/Ag…"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["AuditCheckpoint"];
                };
            };
        };
    };
    export_entries: {
        parameters: {
            query?: {
                /** @description The form; `jsonl` when absent. */
                format?: "jsonl" | "csv";
                /** @description Not before, RFC 3339. */
                since?: string;
                /** @description Before, RFC 3339. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The log; a failed export ends in the middle of a chunk */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {"header":{"navi_audit_export":1,"org_id":"acme","exported_at":"2026-11-25T09:00:00Z","size":70,"checkpoints":2,"checkpoint":"navi-audit/acme\n70\n6YHl1IuEJrVS…\nhead dpGqhXua94xK…\ntime 2026-11-25T09:00:00Z\n\n— navi-audit/acme+dev-cb58bda4 EDHIFlT2TXlk…\n","base":{"size":0,"peaks":[]},"keys":["dev-cb58bda4+/Ag…"],"signature":"navi-audit-export/acme\n4PP/XBB5TBLj…\n\n— navi-audit/acme+dev-cb58bda4 EDHIFkRKq6cK…\n"}}
                     *     {"record":{"org_id":"acme","sequence":1,"entry_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4011","phase":"begun","created_at":"2026-11-25T09:00:00Z","event":"http.request","method":"POST","route":"/api/orgs/select","request_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4012","trace_id":"bcf89f87dac91ac87075bb9aa43064cc","actor_kind":"user","actor":"ada","actor_role":"planner","blind":"hdLon44Xsv3ujfl2TybNUg==","commitment":"Yx78qT+NA91b…","payload":"+CIgMn/lmNbI…","payload_digest":"qJrers38KybA…","entry_key":"+JxMmgPh2H4h…","key_id":"dev-cb58bda4","previous":"AAAAAAAAAAAA…","hash":"Jc1pRvC1T4ok…"}}
                     */
                    "application/jsonl": string;
                    /**
                     * @example id,sequence,event_type,created_at,completed_at,actor_kind,actor_sub,actor_role,method,route,resource_id,status_code,outcome,duration_ms,request_id,trace_id,run_id,erased
                     *     01a2127f-ea94-7bf2-8872-2cabd2fa4013,71,audit.exported,2026-11-25T09:00:00Z,2026-11-25T09:00:00Z,user,grace,admin,,,,,success,,01a2127f-ea94-7bf2-8872-2cabd2fa4014,00053a5998031a861ad188f9e1931997,,false
                     */
                    "text/csv": string;
                };
            };
        };
    };
    get_me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user and the organisation of the token */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "org_id": "acme",
                     *       "user_id": "ada",
                     *       "role": "planner"
                     *     }
                     */
                    "application/json": components["schemas"]["Me"];
                };
            };
        };
    };
    issue_stream_ticket: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "path": "/api/jobs/01890a5d-ac96-774b-bcce-b302099a8057/events"
                 *     }
                 */
                "application/json": components["schemas"]["StreamTicketRequest"];
            };
        };
        responses: {
            /** @description the ticket */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ticket": "navist_…",
                     *       "path": "/api/jobs/01a2127f-ea94-7bf2-8872-2cabd2fa4008/events",
                     *       "expires_in": 60,
                     *       "expires_at": "2026-11-25T09:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["StreamTicket"];
                };
            };
        };
    };
    list_connections: {
        parameters: {
            query?: {
                /** @description Only the one to this provider, in letters of either case. */
                provider?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connections */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "github",
                     *           "provider": "github",
                     *           "name": "default",
                     *           "config": {
                     *             "base_url": "https://api.github.com",
                     *             "account": "ada"
                     *           },
                     *           "workspace_root": null,
                     *           "status": "connected",
                     *           "error": null,
                     *           "updated_at": "2026-11-25T06:45:04.658138Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ConnectorItems"];
                };
            };
        };
    };
    get_connector: {
        parameters: {
            query?: {
                /** @description Ask the provider whether the stored token is still good; false when absent. */
                verify?: boolean;
            };
            header?: never;
            path: {
                /** @description `github`, `jira` or `slack` */
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection, if there is one */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "provider": "github",
                     *       "connected": false,
                     *       "verified": false,
                     *       "verification": null,
                     *       "account": null,
                     *       "base_url": null,
                     *       "verified_at": null,
                     *       "updated_at": null
                     *     }
                     */
                    "application/json": components["schemas"]["ConnectionView"];
                };
            };
        };
    };
    put_connector: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `github`, `jira` or `slack` */
                provider: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "ghp_exampleToken123"
                 *     }
                 */
                "application/json": components["schemas"]["TokenRequest"];
            };
        };
        responses: {
            /** @description The connection was stored */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "provider": "github",
                     *       "connected": true,
                     *       "verified": true,
                     *       "verification": "accepted",
                     *       "account": "ada",
                     *       "base_url": "https://api.github.com",
                     *       "verified_at": "2026-11-25T06:45:04.658138Z",
                     *       "updated_at": "2026-11-25T06:45:04.658138Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ConnectionView"];
                };
            };
        };
    };
    delete_connector: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `github`, `jira` or `slack` */
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection was deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    oauth_start: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                provider: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    connect_jira: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConnectJira"];
            };
        };
        responses: {
            /** @description The connection was stored */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ok": true,
                     *       "connector_id": "jira",
                     *       "id": "jira",
                     *       "status": "connected",
                     *       "error": null,
                     *       "verification": "accepted",
                     *       "account": "Ada"
                     *     }
                     */
                    "application/json": components["schemas"]["ConnectorSaved"];
                };
            };
        };
    };
    marketplace_status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connectors */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "github",
                     *           "name": "GitHub",
                     *           "category": "code",
                     *           "status": "disconnected",
                     *           "error": null
                     *         },
                     *         {
                     *           "id": "jira",
                     *           "name": "Jira",
                     *           "category": "work_tracking",
                     *           "status": "connected",
                     *           "error": null
                     *         }
                     *       ],
                     *       "offline": false
                     *     }
                     */
                    "application/json": components["schemas"]["ConnectorStatuses"];
                };
            };
        };
    };
    save_connector: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "provider": "github",
                 *       "base_url": "https://api.github.com",
                 *       "token": "ghp_exampleToken123",
                 *       "name": "default"
                 *     }
                 */
                "application/json": components["schemas"]["SaveConnector"];
            };
        };
        responses: {
            /** @description The connection was stored */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ok": true,
                     *       "connector_id": "github",
                     *       "id": "github",
                     *       "status": "connected",
                     *       "error": null,
                     *       "verification": "accepted",
                     *       "account": "ada"
                     *     }
                     */
                    "application/json": components["schemas"]["ConnectorSaved"];
                };
            };
        };
    };
    connector_status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connectors */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "github",
                     *           "name": "GitHub",
                     *           "category": "code",
                     *           "status": "connected",
                     *           "error": null
                     *         },
                     *         {
                     *           "id": "jira",
                     *           "name": "Jira",
                     *           "category": "work_tracking",
                     *           "status": "disconnected",
                     *           "error": null
                     *         },
                     *         {
                     *           "id": "slack",
                     *           "name": "Slack",
                     *           "category": "chat",
                     *           "status": "disconnected",
                     *           "error": null
                     *         }
                     *       ],
                     *       "offline": false
                     *     }
                     */
                    "application/json": components["schemas"]["ConnectorStatuses"];
                };
            };
        };
    };
    own_rating: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `gen_id` of the event `generation_logged` */
                gen_id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rating, or nulls without one */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "gen_id": 1,
                     *       "rating": 1,
                     *       "reason": "style",
                     *       "comment": "Short and right.",
                     *       "updated_at": "2026-11-25T09:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["OwnRating"];
                };
            };
        };
    };
    list_insights: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Page size, 1 to 100; 50 when absent. */
                limit?: number;
                /** @description Scope; any when absent. */
                scope?: "org" | "team" | "user";
                /** @description Status; any when absent. */
                status?: "proposed" | "active" | "retired";
                /** @description Type; any when absent. */
                type?: "pattern_rejected" | "pattern_preferred" | "style_preference" | "low_acceptance" | "high_acceptance";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "insights": [
                     *         {
                     *           "id": 1,
                     *           "insight_type": "style_preference",
                     *           "title": "Single quotes in Python",
                     *           "description": "Use single quotes for strings.",
                     *           "status": "active",
                     *           "status_reason": null,
                     *           "status_since": "2026-11-24T09:00:00Z",
                     *           "decided_by": null,
                     *           "edited_by": null,
                     *           "scope": {
                     *             "kind": "org",
                     *             "id": null
                     *           },
                     *           "category": null,
                     *           "language": "python",
                     *           "confidence": 0.82,
                     *           "sample_size": 20,
                     *           "evidence": [
                     *             41,
                     *             17
                     *           ],
                     *           "pattern": {
                     *             "subject": "quotes@python",
                     *             "value": "single",
                     *             "accepted": 18.5,
                     *             "rejected": 1.5,
                     *             "raters": 3,
                     *             "posterior": {
                     *               "mean": 0.89,
                     *               "low": 0.71,
                     *               "high": 0.97
                     *             },
                     *             "baseline": {
                     *               "accepted": 4,
                     *               "rejected": 9
                     *             }
                     *           },
                     *           "times_applied": 31,
                     *           "last_applied": "2026-11-25T09:00:00Z",
                     *           "first_seen": "2026-11-24T09:00:00Z",
                     *           "last_updated": "2026-11-25T09:00:00Z",
                     *           "effect": {
                     *             "exposures": 44,
                     *             "acceptance": {
                     *               "applied": {
                     *                 "n": 31,
                     *                 "rate": 0.9
                     *               },
                     *               "held_out": {
                     *                 "n": 13,
                     *                 "rate": 0.6
                     *               },
                     *               "difference": 0.3,
                     *               "low": 0.02,
                     *               "high": 0.55
                     *             },
                     *             "verification": null
                     *           }
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["InsightPage"];
                };
            };
        };
    };
    get_insight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The insight */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The insight */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 1,
                     *       "insight_type": "style_preference",
                     *       "title": "Single quotes in Python",
                     *       "description": "Use single quotes for strings.",
                     *       "status": "active",
                     *       "status_reason": null,
                     *       "status_since": "2026-11-25T09:00:00Z",
                     *       "decided_by": null,
                     *       "edited_by": null,
                     *       "scope": {
                     *         "kind": "org",
                     *         "id": null
                     *       },
                     *       "category": null,
                     *       "language": "python",
                     *       "confidence": 0.82,
                     *       "sample_size": 20,
                     *       "evidence": [
                     *         41,
                     *         17
                     *       ],
                     *       "pattern": {
                     *         "subject": "quotes@python",
                     *         "value": "single",
                     *         "accepted": 18.5,
                     *         "rejected": 1.5,
                     *         "raters": 3,
                     *         "posterior": {
                     *           "mean": 0.89,
                     *           "low": 0.71,
                     *           "high": 0.97
                     *         },
                     *         "baseline": {
                     *           "accepted": 4,
                     *           "rejected": 9
                     *         }
                     *       },
                     *       "times_applied": 34,
                     *       "last_applied": "2026-11-25T09:00:00Z",
                     *       "first_seen": "2026-11-25T09:00:00Z",
                     *       "last_updated": "2026-11-25T09:00:00Z",
                     *       "effect": {
                     *         "exposures": 44,
                     *         "acceptance": {
                     *           "applied": {
                     *             "n": 31,
                     *             "rate": 0.9
                     *           },
                     *           "held_out": {
                     *             "n": 13,
                     *             "rate": 0.6
                     *           },
                     *           "difference": 0.3,
                     *           "low": 0.02,
                     *           "high": 0.55
                     *         },
                     *         "verification": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Insight"];
                };
            };
        };
    };
    reword_insight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The insight */
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "description": "Use single quotes, except where a string holds one."
                 *     }
                 */
                "application/json": components["schemas"]["RewordInsight"];
            };
        };
        responses: {
            /** @description The insight after the change */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 1,
                     *       "insight_type": "style_preference",
                     *       "title": "Single quotes in Python",
                     *       "description": "Use single quotes for strings.",
                     *       "status": "active",
                     *       "status_reason": null,
                     *       "status_since": "2026-11-25T09:00:00Z",
                     *       "decided_by": null,
                     *       "edited_by": null,
                     *       "scope": {
                     *         "kind": "org",
                     *         "id": null
                     *       },
                     *       "category": null,
                     *       "language": "python",
                     *       "confidence": 0.82,
                     *       "sample_size": 20,
                     *       "evidence": [
                     *         41,
                     *         17
                     *       ],
                     *       "pattern": {
                     *         "subject": "quotes@python",
                     *         "value": "single",
                     *         "accepted": 18.5,
                     *         "rejected": 1.5,
                     *         "raters": 3,
                     *         "posterior": {
                     *           "mean": 0.89,
                     *           "low": 0.71,
                     *           "high": 0.97
                     *         },
                     *         "baseline": {
                     *           "accepted": 4,
                     *           "rejected": 9
                     *         }
                     *       },
                     *       "times_applied": 34,
                     *       "last_applied": "2026-11-25T09:00:00Z",
                     *       "first_seen": "2026-11-25T09:00:00Z",
                     *       "last_updated": "2026-11-25T09:00:00Z",
                     *       "effect": {
                     *         "exposures": 44,
                     *         "acceptance": {
                     *           "applied": {
                     *             "n": 31,
                     *             "rate": 0.9
                     *           },
                     *           "held_out": {
                     *             "n": 13,
                     *             "rate": 0.6
                     *           },
                     *           "difference": 0.3,
                     *           "low": 0.02,
                     *           "high": 0.55
                     *         },
                     *         "verification": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Insight"];
                };
            };
        };
    };
    activate_insight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The insight */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["DecideInsight"] | null;
            };
        };
        responses: {
            /** @description The insight after the change */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 1,
                     *       "insight_type": "style_preference",
                     *       "title": "Single quotes in Python",
                     *       "description": "Use single quotes for strings.",
                     *       "status": "active",
                     *       "status_reason": null,
                     *       "status_since": "2026-11-25T09:00:00Z",
                     *       "decided_by": "grace",
                     *       "edited_by": null,
                     *       "scope": {
                     *         "kind": "org",
                     *         "id": null
                     *       },
                     *       "category": null,
                     *       "language": "python",
                     *       "confidence": 0.82,
                     *       "sample_size": 20,
                     *       "evidence": [
                     *         41,
                     *         17
                     *       ],
                     *       "pattern": {
                     *         "subject": "quotes@python",
                     *         "value": "single",
                     *         "accepted": 18.5,
                     *         "rejected": 1.5,
                     *         "raters": 3,
                     *         "posterior": {
                     *           "mean": 0.89,
                     *           "low": 0.71,
                     *           "high": 0.97
                     *         },
                     *         "baseline": {
                     *           "accepted": 4,
                     *           "rejected": 9
                     *         }
                     *       },
                     *       "times_applied": 34,
                     *       "last_applied": "2026-11-25T09:00:00Z",
                     *       "first_seen": "2026-11-25T09:00:00Z",
                     *       "last_updated": "2026-11-25T09:00:00Z",
                     *       "effect": {
                     *         "exposures": 44,
                     *         "acceptance": {
                     *           "applied": {
                     *             "n": 31,
                     *             "rate": 0.9
                     *           },
                     *           "held_out": {
                     *             "n": 13,
                     *             "rate": 0.6
                     *           },
                     *           "difference": 0.3,
                     *           "low": 0.02,
                     *           "high": 0.55
                     *         },
                     *         "verification": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Insight"];
                };
            };
        };
    };
    retire_insight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The insight */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "reason": "the formatter does this"
                 *     }
                 */
                "application/json": components["schemas"]["DecideInsight"] | null;
            };
        };
        responses: {
            /** @description The insight after the change */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 1,
                     *       "insight_type": "style_preference",
                     *       "title": "Single quotes in Python",
                     *       "description": "Use single quotes for strings.",
                     *       "status": "retired",
                     *       "status_reason": null,
                     *       "status_since": "2026-11-25T09:00:00Z",
                     *       "decided_by": "grace",
                     *       "edited_by": null,
                     *       "scope": {
                     *         "kind": "org",
                     *         "id": null
                     *       },
                     *       "category": null,
                     *       "language": "python",
                     *       "confidence": 0.82,
                     *       "sample_size": 20,
                     *       "evidence": [
                     *         41,
                     *         17
                     *       ],
                     *       "pattern": {
                     *         "subject": "quotes@python",
                     *         "value": "single",
                     *         "accepted": 18.5,
                     *         "rejected": 1.5,
                     *         "raters": 3,
                     *         "posterior": {
                     *           "mean": 0.89,
                     *           "low": 0.71,
                     *           "high": 0.97
                     *         },
                     *         "baseline": {
                     *           "accepted": 4,
                     *           "rejected": 9
                     *         }
                     *       },
                     *       "times_applied": 34,
                     *       "last_applied": "2026-11-25T09:00:00Z",
                     *       "first_seen": "2026-11-25T09:00:00Z",
                     *       "last_updated": "2026-11-25T09:00:00Z",
                     *       "effect": {
                     *         "exposures": 44,
                     *         "acceptance": {
                     *           "applied": {
                     *             "n": 31,
                     *             "rate": 0.9
                     *           },
                     *           "held_out": {
                     *             "n": 13,
                     *             "rate": 0.6
                     *           },
                     *           "difference": 0.3,
                     *           "low": 0.02,
                     *           "high": 0.55
                     *         },
                     *         "verification": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Insight"];
                };
            };
        };
    };
    bandit_report: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The counts */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "org_key": "acme",
                     *       "contexts": {
                     *         "analysis_large_expert": {
                     *           "balanced": {
                     *             "successes": 0,
                     *             "failures": 0,
                     *             "total_trials": 0,
                     *             "success_rate": null,
                     *             "confidence": 0,
                     *             "mean": 0.5,
                     *             "low": 0,
                     *             "high": 1
                     *           },
                     *           "creative": {
                     *             "successes": 0,
                     *             "failures": 0,
                     *             "total_trials": 0,
                     *             "success_rate": null,
                     *             "confidence": 0,
                     *             "mean": 0.5,
                     *             "low": 0,
                     *             "high": 1
                     *           },
                     *           "precise": {
                     *             "successes": 0,
                     *             "failures": 0,
                     *             "total_trials": 0,
                     *             "success_rate": null,
                     *             "confidence": 0,
                     *             "mean": 0.5,
                     *             "low": 0,
                     *             "high": 1
                     *           }
                     *         }
                     *       },
                     *       "last_updated": null
                     *     }
                     */
                    "application/json": components["schemas"]["BanditReport"];
                };
            };
        };
    };
    recent_ratings: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Page size, 1 to 200; 50 when absent. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "feedback": [
                     *         {
                     *           "id": 1,
                     *           "gen_id": 1,
                     *           "rating": 1,
                     *           "reason": "style",
                     *           "comment": "Short and right.",
                     *           "created_at": "2026-11-25T09:00:00Z",
                     *           "updated_at": "2026-11-25T09:00:00Z",
                     *           "task_type": "codegen",
                     *           "category": "fix",
                     *           "model": "claude-sonnet-4",
                     *           "temperature": 0.3,
                     *           "task_id": null,
                     *           "signals": [
                     *             "kept"
                     *           ]
                     *         }
                     *       ],
                     *       "total_count": 1,
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["RecentRatings"];
                };
            };
        };
    };
    note_signal: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "gen_id": 1,
                 *       "signal": "kept"
                 *     }
                 */
                "application/json": components["schemas"]["NoteSignal"];
            };
        };
        responses: {
            /** @description The signal is recorded */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Signal noted",
                     *       "gen_id": 1,
                     *       "signal": "kept"
                     *     }
                     */
                    "application/json": components["schemas"]["SignalNoted"];
                };
            };
        };
    };
    feedback_stats: {
        parameters: {
            query?: {
                /** @description Length of the period in days, 1 to 365; 30 when absent. */
                days?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The statistics */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "total_generations": 5,
                     *       "total_feedback": 0,
                     *       "feedback_rate": 0,
                     *       "acceptance_rate": null,
                     *       "rating_distribution": {
                     *         "0": 0,
                     *         "1": 0,
                     *         "-1": 0
                     *       },
                     *       "reason_distribution": {},
                     *       "signals": {
                     *         "retried": 2
                     *       },
                     *       "by_category": [
                     *         {
                     *           "category": "fix",
                     *           "generations": 1,
                     *           "feedback": 0,
                     *           "accepted": 0,
                     *           "rejected": 0,
                     *           "acceptance_rate": null
                     *         },
                     *         {
                     *           "category": "general",
                     *           "generations": 2,
                     *           "feedback": 0,
                     *           "accepted": 0,
                     *           "rejected": 0,
                     *           "acceptance_rate": null
                     *         }
                     *       ],
                     *       "period_days": 30
                     *     }
                     */
                    "application/json": components["schemas"]["FeedbackStats"];
                };
            };
        };
    };
    submit_rating: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "gen_id": 1,
                 *       "rating": 1,
                 *       "reason": "style",
                 *       "comment": "Short and right."
                 *     }
                 */
                "application/json": components["schemas"]["SubmitRating"];
            };
        };
        responses: {
            /** @description The rating as it is stored */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "Feedback submitted successfully",
                     *       "gen_id": 1,
                     *       "rating": 1,
                     *       "reason": "style",
                     *       "comment": "Short and right.",
                     *       "updated_at": "2026-11-25T09:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["RatingStored"];
                };
            };
        };
    };
    list_jobs: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description At most this many, 1 to 100; 50 when absent. */
                limit?: number;
                /** @description Those with this status alone. */
                status?: components["schemas"]["JobStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "jobs": [
                     *         {
                     *           "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *           "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *           "kind": "job",
                     *           "status": "queued",
                     *           "phase": "queued",
                     *           "task": "Clean up",
                     *           "workspace_path": "/home/ada/notes",
                     *           "conversation_id": null,
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "router_info": {
                     *             "requestedModelId": null,
                     *             "requestedModeId": null,
                     *             "effectiveModelId": "scripted/demo",
                     *             "provider": "scripted",
                     *             "model": "demo",
                     *             "wasFallback": false,
                     *             "fallbackReasonCode": null,
                     *             "fallbackReason": null,
                     *             "modelId": "scripted/demo",
                     *             "mode": null,
                     *             "task_type": "autonomous"
                     *           },
                     *           "created_at": 1795606703.1,
                     *           "updated_at": 1795606703.1,
                     *           "started_at": null,
                     *           "finished_at": null,
                     *           "pending_approval": null,
                     *           "error": null,
                     *           "last_sequence": 1,
                     *           "metadata": {},
                     *           "cancel_requested": false,
                     *           "takeovers": 0,
                     *           "summary": null
                     *         }
                     *       ],
                     *       "count": 1,
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["JobPage"];
                };
            };
        };
    };
    create_job: {
        parameters: {
            query?: never;
            header?: {
                /** @description The request's idempotency key */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message": "Write a greeting into notes.txt",
                 *       "workspace_path": "/home/ada/notes",
                 *       "model": "scripted/demo",
                 *       "auto_start": false,
                 *       "metadata": {
                 *         "ticket": 7
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["NewJobRequest"];
            };
        };
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
                     *         "kind": "job",
                     *         "status": "queued",
                     *         "phase": "queued",
                     *         "task": "Write a greeting into notes.txt",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": "scripted/demo",
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606702.740882,
                     *         "updated_at": 1795606702.740882,
                     *         "started_at": null,
                     *         "finished_at": null,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 1,
                     *         "metadata": {
                     *           "ticket": 7
                     *         },
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       },
                     *       "events_url": "/api/jobs/01a2127f-ea94-7bf2-8872-2cabd2fa409d/events",
                     *       "started": false,
                     *       "start_reason": "auto_start_disabled"
                     *     }
                     */
                    "application/json": components["schemas"]["JobCreatedView"];
                };
            };
        };
    };
    get_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *         "kind": "job",
                     *         "status": "paused_for_approval",
                     *         "phase": "awaiting_user_input",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": 1795606703.1,
                     *         "finished_at": null,
                     *         "pending_approval": {
                     *           "title": "Question",
                     *           "options": [
                     *             {
                     *               "label": "red",
                     *               "value": "red"
                     *             },
                     *             {
                     *               "label": "blue",
                     *               "value": "blue"
                     *             }
                     *           ],
                     *           "required": true,
                     *           "description": "Which colour?",
                     *           "placeholder": null,
                     *           "prompt_type": "select",
                     *           "default_value": null,
                     *           "timeout_seconds": 300,
                     *           "validation_pattern": null,
                     *           "prompt_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4004",
                     *           "kind": "prompt"
                     *         },
                     *         "error": null,
                     *         "last_sequence": 13,
                     *         "metadata": {},
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["JobAnswer"];
                };
            };
        };
    };
    approve_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "choice": "allow_once"
                 *     }
                 */
                "application/json": components["schemas"]["Approve"];
            };
        };
        responses: {
            /** @description The answer was recorded */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "started": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4003",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4003",
                     *         "kind": "job",
                     *         "status": "paused_for_approval",
                     *         "phase": "awaiting_human_decision",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": 1795606703.1,
                     *         "finished_at": null,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 19,
                     *         "metadata": {},
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       },
                     *       "approval": {
                     *         "consent_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4006",
                     *         "choice": "allow_once"
                     *       },
                     *       "message": "the answer was recorded, and the job goes on"
                     *     }
                     */
                    "application/json": components["schemas"]["JobMoved"];
                };
            };
        };
    };
    cancel_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job was cancelled, now or before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "started": false,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4007",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4007",
                     *         "kind": "job",
                     *         "status": "canceled",
                     *         "phase": "canceled",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": 1795606703.1,
                     *         "finished_at": 1795606703.1,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 6,
                     *         "metadata": {},
                     *         "cancel_requested": true,
                     *         "takeovers": 0,
                     *         "summary": {
                     *           "tokens": {
                     *             "input": 0,
                     *             "output": 0,
                     *             "cache_read": 0,
                     *             "cache_write": 0
                     *           },
                     *           "success": false,
                     *           "verdict": "failed",
                     *           "obstacles": [],
                     *           "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4007",
                     *           "cost_usd": 0,
                     *           "elapsed_ms": 0,
                     *           "files_read": [],
                     *           "iterations": 0,
                     *           "next_steps": [
                     *             "Review what was changed before the run was cancelled"
                     *           ],
                     *           "verification": "not_run",
                     *           "files_created": [],
                     *           "files_deleted": [],
                     *           "files_renamed": [],
                     *           "cache_hit_rate": null,
                     *           "files_modified": [],
                     *           "stopped_reason": "cancelled",
                     *           "changes_complete": true
                     *         }
                     *       },
                     *       "message": "the job ends"
                     *     }
                     */
                    "application/json": components["schemas"]["JobMoved"];
                };
            };
        };
    };
    follow_job: {
        parameters: {
            query?: {
                /**
                 * @description Only events after this one; all of them when absent. The header `Last-Event-ID` says the same
                 *     and goes before it.
                 */
                after_sequence?: number;
            };
            header?: {
                /** @description the last event that was seen */
                "Last-Event-ID"?: string | null;
            };
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job's events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example retry: 3000
                     *     : navi
                     *
                     *     id: 1
                     *     data: {"type":"job_created","status":"queued","message":"The job was accepted","sequence":1,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"queued","timestamp":1795606703100}
                     *
                     *     id: 2
                     *     data: {"type":"job_started","message":"A worker begins with the job","sequence":2,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 3
                     *     data: {"type":"router_info","router_info":{"mode":null,"model":"demo","modelId":"scripted/demo","sandbox":{"tier":"full","missing":[]},"provider":"scripted","task_type":"autonomous","wasFallback":false,"fallbackReason":null,"requestedModeId":null,"effectiveModelId":"scripted/demo","requestedModelId":"scripted/demo","fallbackReasonCode":null},"sequence":3,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 4
                     *     data: {"type":"status","status":"planning","task_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","sequence":4,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 5
                     *     data: {"type":"plan_start","data":{"plan_id":"plan-01a22cd915487df89be2ac202d51a7f5","steps":[{"index":1,"title":"Where are pages counted from?","detail":"Where are pages counted from?"}]},"sequence":5,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 6
                     *     data: {"type":"plan","steps":[{"id":1,"label":"Where are pages counted from?","description":"Where are pages counted from?","status":"pending"}],"estimated_files":[],"is_complex":false,"sequence":6,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 7
                     *     data: {"type":"step_update","data":{"plan_id":"plan-01a22cd915487df89be2ac202d51a7f5","step_index":0,"status":"running"},"sequence":7,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 8
                     *     data: {"type":"status","status":"executing","sequence":8,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 9
                     *     data: {"type":"text","text":"Pages are counted from 1.","timestamp":1795606703100,"sequence":9,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running"}
                     *
                     *     id: 10
                     *     data: {"type":"status","status":"completed","sequence":10,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 11
                     *     data: {"type":"step_update","data":{"plan_id":"plan-01a22cd915487df89be2ac202d51a7f5","step_index":0,"status":"completed"},"sequence":11,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 12
                     *     data: {"type":"plan_complete","data":{"plan_id":"plan-01a22cd915487df89be2ac202d51a7f5"},"sequence":12,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 13
                     *     data: {"type":"generation_logged","gen_id":1795606703100,"timestamp":1795606703100,"sequence":13,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running"}
                     *
                     *     id: 14
                     *     data: {"type":"complete","summary":{"task_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","success":true,"verdict":"done","obstacles":[],"stopped_reason":"completed","files_read":[],"files_modified":[],"files_created":[],"files_deleted":[],"files_renamed":[],"changes_complete":true,"iterations":1,"verification":"not_run","tokens":{"input":166,"output":7,"cache_read":0,"cache_write":0},"cache_hit_rate":0.0,"cost_usd":0.0,"elapsed_ms":23,"next_steps":[]},"sequence":14,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"completed","timestamp":1795606703100}
                     *
                     *     id: 15
                     *     data: {"type":"job_completed","message":"The job is done","sequence":15,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"completed","timestamp":1795606703100}
                     *
                     *     data: {"type":"job_terminal","job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"completed","sequence":15,"timestamp":1795606703100}
                     *
                     *     data: [DONE]
                     */
                    "text/event-stream": components["schemas"]["JobStream"];
                };
            };
        };
    };
    resume_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job was resumed, now or before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "started": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4003",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4003",
                     *         "kind": "job",
                     *         "status": "queued",
                     *         "phase": "queued",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": null,
                     *         "finished_at": null,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 1,
                     *         "metadata": {},
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       },
                     *       "message": "the job goes on as soon as a worker is free"
                     *     }
                     */
                    "application/json": components["schemas"]["JobMoved"];
                };
            };
        };
    };
    start_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job was started, now or before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "started": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *         "kind": "job",
                     *         "status": "queued",
                     *         "phase": "queued",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": null,
                     *         "finished_at": null,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 1,
                     *         "metadata": {},
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       },
                     *       "message": "the job begins as soon as a worker is free"
                     *     }
                     */
                    "application/json": components["schemas"]["JobMoved"];
                };
            };
        };
    };
    list_models: {
        parameters: {
            query?: {
                /** @description A model, mode or alias, to learn beforehand what a request that names it gets. */
                name?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the models */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "models": [
                     *         {
                     *           "id": "openai/gpt-5.2",
                     *           "provider": "openai",
                     *           "provider_model": "gpt-5.2",
                     *           "capabilities": {
                     *             "streaming": true,
                     *             "tools": true,
                     *             "json": true,
                     *             "vision": true
                     *           },
                     *           "context_window": 400000,
                     *           "max_output_tokens": 128000,
                     *           "effort": [
                     *             "none",
                     *             "low"
                     *           ],
                     *           "routable": false,
                     *           "reason": "provider_not_configured",
                     *           "prices": {
                     *             "input": "1.75",
                     *             "output": "14",
                     *             "cache_read": "0.175",
                     *             "cache_write": null
                     *           }
                     *         },
                     *         {
                     *           "id": "openai/gpt-5.1",
                     *           "provider": "openai",
                     *           "provider_model": "gpt-5.1",
                     *           "capabilities": {
                     *             "streaming": true,
                     *             "tools": true,
                     *             "json": true,
                     *             "vision": true
                     *           },
                     *           "context_window": 400000,
                     *           "max_output_tokens": 128000,
                     *           "effort": [
                     *             "none",
                     *             "low"
                     *           ],
                     *           "routable": false,
                     *           "reason": "provider_not_configured",
                     *           "prices": {
                     *             "input": "1.25",
                     *             "output": "10",
                     *             "cache_read": "0.125",
                     *             "cache_write": null
                     *           }
                     *         }
                     *       ],
                     *       "modes": [
                     *         {
                     *           "id": "navi/intelligence",
                     *           "effort": "high",
                     *           "candidates": [
                     *             "openai/gpt-5.2",
                     *             "anthropic/claude-sonnet-5.5"
                     *           ]
                     *         },
                     *         {
                     *           "id": "navi/fast",
                     *           "effort": "low",
                     *           "candidates": [
                     *             "openai/gpt-6-luna",
                     *             "anthropic/claude-haiku-5.5"
                     *           ]
                     *         }
                     *       ],
                     *       "default": "navi/intelligence"
                     *     }
                     */
                    "application/json": components["schemas"]["Registry"];
                };
            };
        };
    };
    list_conversations: {
        parameters: {
            query?: {
                /** @description At most this many; brought into 1 to 100, 50 when absent. */
                limit?: number;
                /** @description Skip this many. */
                offset?: number;
                /** @description Only those with this status. */
                status?: components["schemas"]["ConversationStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the conversations */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "01a2127f-ea94-7bf2-8872-2cabd2fa4000",
                     *         "title": "Pages",
                     *         "status": "active",
                     *         "is_pinned": false,
                     *         "is_starred": false,
                     *         "workspace_path": null,
                     *         "created_at": "2026-11-25T09:00:00Z",
                     *         "updated_at": "2026-11-25T09:00:00Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["ConversationView"][];
                };
            };
        };
    };
    create_conversation: {
        parameters: {
            query?: never;
            header?: {
                /** @description The request's idempotency key */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "title": "Once"
                 *     }
                 */
                "application/json": components["schemas"]["CreateConversation"];
            };
        };
        responses: {
            /** @description the conversation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a20726-ac12-7834-9c61-e3465c493553",
                     *       "title": "Paging",
                     *       "status": "active",
                     *       "is_pinned": false,
                     *       "is_starred": false,
                     *       "workspace_path": "/home/ada/notes",
                     *       "created_at": "2026-11-23T06:45:04.658138Z",
                     *       "updated_at": "2026-11-23T06:45:04.658138Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ConversationView"];
                };
            };
        };
    };
    get_conversation: {
        parameters: {
            query?: {
                /** @description Return the messages; true when absent. */
                include_messages?: boolean;
                /** @description At most this many messages, the last ones; brought into 1 to 500, 100 when absent. */
                message_limit?: number;
            };
            header?: never;
            path: {
                /** @description the conversation */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the conversation */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a2127f-ea94-7bf2-8872-2cabd2fa4000",
                     *       "title": "Pages",
                     *       "status": "active",
                     *       "is_pinned": false,
                     *       "is_starred": false,
                     *       "workspace_path": null,
                     *       "created_at": "2026-11-25T09:00:00Z",
                     *       "updated_at": "2026-11-25T09:00:00Z",
                     *       "initial_context": null,
                     *       "messages": [
                     *         {
                     *           "id": "01a2127f-ea94-7bf2-8872-2cabd2fa4001",
                     *           "role": "user",
                     *           "content": "Where are pages counted from?",
                     *           "metadata": {},
                     *           "tokens_used": null,
                     *           "created_at": "2026-11-25T09:00:00Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ConversationDetail"];
                };
            };
        };
    };
    delete_conversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the conversation */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The conversation was deleted */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "Conversation deleted"
                     *     }
                     */
                    "application/json": components["schemas"]["Done"];
                };
            };
        };
    };
    change_conversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the conversation */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "is_pinned": true,
                 *       "status": "archived"
                 *     }
                 */
                "application/json": components["schemas"]["ChangeConversation"];
            };
        };
        responses: {
            /** @description The conversation after the change */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a2127f-ea94-7bf2-8872-2cabd2fa4000",
                     *       "title": "Pages",
                     *       "status": "active",
                     *       "is_pinned": false,
                     *       "is_starred": false,
                     *       "workspace_path": null,
                     *       "created_at": "2026-11-25T09:00:00Z",
                     *       "updated_at": "2026-11-25T09:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ConversationView"];
                };
            };
        };
    };
    list_messages: {
        parameters: {
            query?: {
                /** @description At most this many, the last ones; brought into 1 to 500, 100 when absent. */
                limit?: number;
            };
            header?: never;
            path: {
                /** @description the conversation */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the messages */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "01a2127f-ea94-7bf2-8872-2cabd2fa4001",
                     *         "role": "user",
                     *         "content": "Where are pages counted from?",
                     *         "metadata": {},
                     *         "tokens_used": null,
                     *         "created_at": "2026-11-25T09:00:00Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["MessageView"][];
                };
            };
        };
    };
    append_message: {
        parameters: {
            query?: never;
            header?: {
                /** @description The request's idempotency key */
                "Idempotency-Key"?: string | null;
            };
            path: {
                /** @description the conversation */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "role": "user",
                 *       "content": "Where are pages counted from?"
                 *     }
                 */
                "application/json": components["schemas"]["AppendMessage"];
            };
        };
        responses: {
            /** @description the message */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a20726-e7cf-7d31-959a-39669162b596",
                     *       "role": "user",
                     *       "content": "Where are pages counted from?",
                     *       "metadata": {},
                     *       "tokens_used": null,
                     *       "created_at": "2026-11-23T06:45:19.950369Z"
                     *     }
                     */
                    "application/json": components["schemas"]["MessageView"];
                };
            };
        };
    };
    follow_review: {
        parameters: {
            query?: {
                /** @description The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default. */
                model?: string;
                /** @description The provider, when `model` is a bare name. */
                provider?: string;
                /** @description Another name of `workspace_root`. */
                workspace_path?: string;
                /** @description The folder whose changes since the last commit are reviewed. */
                workspace_root?: string;
            };
            header?: {
                /** @description the last event that was seen */
                "Last-Event-ID"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The review, as a stream or complete */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "summary": "There is nothing to review.",
                     *       "warning": null,
                     *       "progress": 100,
                     *       "results": [],
                     *       "skipped": [],
                     *       "model": null,
                     *       "additions": 0,
                     *       "deletions": 0
                     *     }
                     */
                    "application/json": components["schemas"]["ReviewView"];
                    /**
                     * @example retry: 3000
                     *     : navi
                     *
                     *     data: {"type":"progress","step":"Looking for the repository","progress":0}
                     *
                     *     data: {"type":"review","payload":"{\"files\":[],\"summary\":\"There is nothing to review.\",\"warning\":null}"}
                     *
                     *     data: {"type":"result","result":{"summary":"There is nothing to review.","files":[]}}
                     *
                     *     id: end
                     *     data: {"type":"complete","success":true,"summary":"There is nothing to review.","warning":null,"progress":100,"results":[],"skipped":[],"model":null,"additions":0,"deletions":0}
                     *
                     *     data: [DONE]
                     */
                    "text/event-stream": components["schemas"]["ReviewStream"];
                };
            };
            /** @description The review was already sent */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    ask_for_review: {
        parameters: {
            query?: {
                /** @description The model: `provider/name`, a mode such as `navi/fast`, or nothing for the default. */
                model?: string;
                /** @description The provider, when `model` is a bare name. */
                provider?: string;
                /** @description Another name of `workspace_root`. */
                workspace_path?: string;
                /** @description The folder whose changes since the last commit are reviewed. */
                workspace_root?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "workspace_root": "/home/ada/notes"
                 *     }
                 */
                "application/json": components["schemas"]["ReviewRequest"];
            };
        };
        responses: {
            /** @description The review, as a stream or complete */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "summary": "Nothing was reviewed.",
                     *       "warning": "This folder is not in a git repository, so there is nothing to compare with. Open the folder that holds `.git`, or run `git init`.",
                     *       "progress": 100,
                     *       "results": [],
                     *       "skipped": [],
                     *       "model": null,
                     *       "additions": 0,
                     *       "deletions": 0
                     *     }
                     */
                    "application/json": components["schemas"]["ReviewView"];
                    /**
                     * @example data: {"type": "progress", "step": "Looking for the repository", "progress": 0}
                     *
                     *     id: end
                     *     data: {"type": "error", "message": "no workspace was given; open the folder to review", "error": "no workspace was given; open the folder to review", "code": "WORKSPACE_UNUSABLE"}
                     *
                     *     data: [DONE]
                     */
                    "text/event-stream": components["schemas"]["ReviewStream"];
                };
            };
        };
    };
    answer_chat: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message": "Where are pages counted from?",
                 *       "model": "scripted/demo"
                 *     }
                 */
                "application/json": components["schemas"]["TaskRequest"];
            };
        };
        responses: {
            /** @description The answer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "content": "Pages are counted from 1.",
                     *       "reply": "Pages are counted from 1.",
                     *       "actions": [],
                     *       "sources": [],
                     *       "edits": [],
                     *       "model": "scripted/demo",
                     *       "router_info": {
                     *         "requestedModelId": "scripted/demo",
                     *         "requestedModeId": null,
                     *         "effectiveModelId": "scripted/demo",
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "wasFallback": false,
                     *         "fallbackReasonCode": null,
                     *         "fallbackReason": null,
                     *         "modelId": "scripted/demo",
                     *         "mode": null,
                     *         "task_type": "chat"
                     *       },
                     *       "gen_id": 8
                     *     }
                     */
                    "application/json": components["schemas"]["ChatAnswer"];
                };
            };
        };
    };
    run_autonomous: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message": "Write a greeting into notes.txt",
                 *       "workspace_path": "/home/ada/notes",
                 *       "model": "scripted/demo"
                 *     }
                 */
                "application/json": components["schemas"]["TaskRequest"];
            };
        };
        responses: {
            /** @description The run's events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example retry: 3000
                     *     : navi
                     *
                     *     id: 1
                     *     data: {"router_info":{"mode":null,"model":"demo","modelId":"scripted/demo","sandbox":{"tier":"full","missing":[]},"provider":"scripted","task_type":"autonomous","wasFallback":false,"fallbackReason":null,"requestedModeId":null,"effectiveModelId":"scripted/demo","requestedModelId":null,"fallbackReasonCode":null}}
                     *
                     *     id: 2
                     *     data: {"type":"status","status":"planning","task_id":"01a2127f-ea94-7bf2-8872-2cabd2fa400b"}
                     *
                     *     id: 3
                     *     data: {"type":"plan_start","data":{"plan_id":"plan-01a22cd916a07175bf2e37081cf39fe0","steps":[{"index":1,"title":"Where are pages counted from?","detail":"Where are pages counted from?"}]}}
                     *
                     *     id: 4
                     *     data: {"type":"plan","steps":[{"id":1,"label":"Where are pages counted from?","description":"Where are pages counted from?","status":"pending"}],"estimated_files":[],"is_complex":false}
                     *
                     *     id: 5
                     *     data: {"type":"step_update","data":{"plan_id":"plan-01a22cd916a07175bf2e37081cf39fe0","step_index":0,"status":"running"}}
                     *
                     *     id: 6
                     *     data: {"type":"status","status":"executing"}
                     *
                     *     id: 7
                     *     data: {"type":"text","text":"Pages are counted from 1.","timestamp":1795606703100}
                     *
                     *     id: 8
                     *     data: {"type":"status","status":"completed"}
                     *
                     *     id: 9
                     *     data: {"type":"step_update","data":{"plan_id":"plan-01a22cd916a07175bf2e37081cf39fe0","step_index":0,"status":"completed"}}
                     *
                     *     id: 10
                     *     data: {"type":"plan_complete","data":{"plan_id":"plan-01a22cd916a07175bf2e37081cf39fe0"}}
                     *
                     *     id: 11
                     *     data: {"type":"generation_logged","gen_id":1795606703100,"timestamp":1795606703100}
                     *
                     *     id: 12
                     *     data: {"type":"complete","summary":{"task_id":"01a2127f-ea94-7bf2-8872-2cabd2fa400b","success":true,"verdict":"done","obstacles":[],"stopped_reason":"completed","files_read":[],"files_modified":[],"files_created":[],"files_deleted":[],"files_renamed":[],"changes_complete":true,"iterations":1,"verification":"not_run","tokens":{"input":102,"output":7,"cache_read":0,"cache_write":0},"cache_hit_rate":0.0,"cost_usd":0.0,"elapsed_ms":95,"next_steps":[]}}
                     *
                     *     data: [DONE]
                     */
                    "text/event-stream": components["schemas"]["RunStream"];
                };
            };
        };
    };
    stream_plain_chat: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message": "Where are pages counted from?",
                 *       "model": "scripted/demo"
                 *     }
                 */
                "application/json": components["schemas"]["TaskRequest"];
            };
        };
        responses: {
            /** @description The answer as it arrives */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example id: 1
                     *     data: {"router_info": {"requestedModelId": "scripted/demo", "requestedModeId": null, "effectiveModelId": "scripted/demo", "provider": "scripted", "model": "demo", "wasFallback": false, "fallbackReasonCode": null, "fallbackReason": null, "modelId": "scripted/demo", "mode": null, "task_type": "chat"}}
                     *
                     *     id: 2
                     *     data: {"activity": {"kind": "llm_call", "label": "Generating response", "detail": "Thinking…", "status": "running"}}
                     *
                     *     id: 3
                     *     data: {"content": "Pages are counted from 1."}
                     *
                     *     id: 4
                     *     data: {"type": "generation_logged", "gen_id": 9, "timestamp": 1795417187609}
                     *
                     *     id: 5
                     *     data: {"activity": {"kind": "llm_call", "label": "Generating response", "detail": "Complete", "status": "done"}}
                     *
                     *     id: 6
                     *     data: {"type": "result", "data": {"content": "Pages are counted from 1.", "reply": "Pages are counted from 1.", "actions": [], "model": "scripted/demo", "gen_id": 9}}
                     *
                     *     id: 7
                     *     data: {"type": "done", "done": true, "summary": {"success": true, "files_read": []}}
                     *
                     *     data: [DONE]
                     */
                    "text/event-stream": components["schemas"]["PlainChatStream"];
                };
            };
        };
    };
    stream_chat: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message": "Where are pages counted from?",
                 *       "model": "scripted/demo"
                 *     }
                 */
                "application/json": components["schemas"]["TaskRequest"];
            };
        };
        responses: {
            /** @description The answer as it arrives */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example id: 1
                     *     data: {"router_info": {"requestedModelId": "scripted/demo", "requestedModeId": null, "effectiveModelId": "scripted/demo", "provider": "scripted", "model": "demo", "wasFallback": false, "fallbackReasonCode": null, "fallbackReason": null, "modelId": "scripted/demo", "mode": null, "task_type": "chat"}}
                     *
                     *     id: 2
                     *     data: {"type": "activity", "activity": {"kind": "llm_call", "label": "Generating response", "detail": "Thinking…", "status": "running"}}
                     *
                     *     id: 3
                     *     data: {"type": "text", "text": "Pages are counted from 1."}
                     *
                     *     id: 4
                     *     data: {"type": "generation_logged", "gen_id": 7, "timestamp": 1795417187609}
                     *
                     *     id: 5
                     *     data: {"type": "complete", "summary": {}}
                     *
                     *     id: 6
                     *     data: {"type": "activity", "activity": {"kind": "llm_call", "label": "Generating response", "detail": "Complete", "status": "done"}}
                     *
                     *     data: [DONE]
                     */
                    "text/event-stream": components["schemas"]["ChatStream"];
                };
            };
        };
    };
    list_audit: {
        parameters: {
            query?: {
                /** @description At most this many; brought into 1 to 100, 50 when absent. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The decisions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "audit_log": [],
                     *       "count": 0
                     *     }
                     */
                    "application/json": components["schemas"]["DecisionList"];
                };
            };
        };
    };
    list_preferences: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The preferences */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "preferences": [],
                     *       "count": 0
                     *     }
                     */
                    "application/json": components["schemas"]["PreferenceList"];
                };
            };
        };
    };
    delete_preference: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The preference */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The preference was deleted */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "message": "the preference is forgotten"
                     *     }
                     */
                    "application/json": components["schemas"]["PreferenceForgotten"];
                };
            };
        };
    };
    answer_consent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description From the event `command.consent_required` */
                consent_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "choice": "allow_once"
                 *     }
                 */
                "application/json": components["schemas"]["ConsentAnswer"];
            };
        };
        responses: {
            /** @description The answer was recorded */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "consent_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4005",
                     *       "choice": "allow_always_exact",
                     *       "message": "allowed, and from now on without asking"
                     *     }
                     */
                    "application/json": components["schemas"]["ConsentTaken"];
                };
            };
        };
    };
    navi_list_jobs: {
        parameters: {
            query?: {
                /** @description The `next_cursor` of the page before. */
                cursor?: string;
                /** @description At most this many, 1 to 100; 50 when absent. */
                limit?: number;
                /** @description Those with this status alone. */
                status?: components["schemas"]["JobStatus"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "jobs": [
                     *         {
                     *           "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *           "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *           "kind": "job",
                     *           "status": "queued",
                     *           "phase": "queued",
                     *           "task": "Clean up",
                     *           "workspace_path": "/home/ada/notes",
                     *           "conversation_id": null,
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "router_info": {
                     *             "requestedModelId": null,
                     *             "requestedModeId": null,
                     *             "effectiveModelId": "scripted/demo",
                     *             "provider": "scripted",
                     *             "model": "demo",
                     *             "wasFallback": false,
                     *             "fallbackReasonCode": null,
                     *             "fallbackReason": null,
                     *             "modelId": "scripted/demo",
                     *             "mode": null,
                     *             "task_type": "autonomous"
                     *           },
                     *           "created_at": 1795606703.1,
                     *           "updated_at": 1795606703.1,
                     *           "started_at": null,
                     *           "finished_at": null,
                     *           "pending_approval": null,
                     *           "error": null,
                     *           "last_sequence": 1,
                     *           "metadata": {},
                     *           "cancel_requested": false,
                     *           "takeovers": 0,
                     *           "summary": null
                     *         }
                     *       ],
                     *       "count": 1,
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["JobPage"];
                };
            };
        };
    };
    navi_create_job: {
        parameters: {
            query?: never;
            header?: {
                /** @description The request's idempotency key */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message": "Write a greeting into notes.txt",
                 *       "workspace_path": "/home/ada/notes",
                 *       "model": "scripted/demo",
                 *       "auto_start": false,
                 *       "metadata": {
                 *         "ticket": 7
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["NewJobRequest"];
            };
        };
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa409d",
                     *         "kind": "job",
                     *         "status": "queued",
                     *         "phase": "queued",
                     *         "task": "Write a greeting into notes.txt",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": "scripted/demo",
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606702.740882,
                     *         "updated_at": 1795606702.740882,
                     *         "started_at": null,
                     *         "finished_at": null,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 1,
                     *         "metadata": {
                     *           "ticket": 7
                     *         },
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       },
                     *       "events_url": "/api/jobs/01a2127f-ea94-7bf2-8872-2cabd2fa409d/events",
                     *       "started": false,
                     *       "start_reason": "auto_start_disabled"
                     *     }
                     */
                    "application/json": components["schemas"]["JobCreatedView"];
                };
            };
        };
    };
    navi_get_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *         "kind": "job",
                     *         "status": "paused_for_approval",
                     *         "phase": "awaiting_user_input",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": 1795606703.1,
                     *         "finished_at": null,
                     *         "pending_approval": {
                     *           "title": "Question",
                     *           "options": [
                     *             {
                     *               "label": "red",
                     *               "value": "red"
                     *             },
                     *             {
                     *               "label": "blue",
                     *               "value": "blue"
                     *             }
                     *           ],
                     *           "required": true,
                     *           "description": "Which colour?",
                     *           "placeholder": null,
                     *           "prompt_type": "select",
                     *           "default_value": null,
                     *           "timeout_seconds": 300,
                     *           "validation_pattern": null,
                     *           "prompt_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4004",
                     *           "kind": "prompt"
                     *         },
                     *         "error": null,
                     *         "last_sequence": 13,
                     *         "metadata": {},
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["JobAnswer"];
                };
            };
        };
    };
    navi_approve_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "choice": "allow_once"
                 *     }
                 */
                "application/json": components["schemas"]["Approve"];
            };
        };
        responses: {
            /** @description The answer was recorded */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "started": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4003",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4003",
                     *         "kind": "job",
                     *         "status": "paused_for_approval",
                     *         "phase": "awaiting_human_decision",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": 1795606703.1,
                     *         "finished_at": null,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 19,
                     *         "metadata": {},
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       },
                     *       "approval": {
                     *         "consent_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4006",
                     *         "choice": "allow_once"
                     *       },
                     *       "message": "the answer was recorded, and the job goes on"
                     *     }
                     */
                    "application/json": components["schemas"]["JobMoved"];
                };
            };
        };
    };
    navi_cancel_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job was cancelled, now or before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "started": false,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4007",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4007",
                     *         "kind": "job",
                     *         "status": "canceled",
                     *         "phase": "canceled",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": 1795606703.1,
                     *         "finished_at": 1795606703.1,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 6,
                     *         "metadata": {},
                     *         "cancel_requested": true,
                     *         "takeovers": 0,
                     *         "summary": {
                     *           "tokens": {
                     *             "input": 0,
                     *             "output": 0,
                     *             "cache_read": 0,
                     *             "cache_write": 0
                     *           },
                     *           "success": false,
                     *           "verdict": "failed",
                     *           "obstacles": [],
                     *           "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4007",
                     *           "cost_usd": 0,
                     *           "elapsed_ms": 0,
                     *           "files_read": [],
                     *           "iterations": 0,
                     *           "next_steps": [
                     *             "Review what was changed before the run was cancelled"
                     *           ],
                     *           "verification": "not_run",
                     *           "files_created": [],
                     *           "files_deleted": [],
                     *           "files_renamed": [],
                     *           "cache_hit_rate": null,
                     *           "files_modified": [],
                     *           "stopped_reason": "cancelled",
                     *           "changes_complete": true
                     *         }
                     *       },
                     *       "message": "the job ends"
                     *     }
                     */
                    "application/json": components["schemas"]["JobMoved"];
                };
            };
        };
    };
    navi_follow_job: {
        parameters: {
            query?: {
                /**
                 * @description Only events after this one; all of them when absent. The header `Last-Event-ID` says the same
                 *     and goes before it.
                 */
                after_sequence?: number;
            };
            header?: {
                /** @description the last event that was seen */
                "Last-Event-ID"?: string | null;
            };
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job's events */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example retry: 3000
                     *     : navi
                     *
                     *     id: 1
                     *     data: {"type":"job_created","status":"queued","message":"The job was accepted","sequence":1,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"queued","timestamp":1795606703100}
                     *
                     *     id: 2
                     *     data: {"type":"job_started","message":"A worker begins with the job","sequence":2,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 3
                     *     data: {"type":"router_info","router_info":{"mode":null,"model":"demo","modelId":"scripted/demo","sandbox":{"tier":"full","missing":[]},"provider":"scripted","task_type":"autonomous","wasFallback":false,"fallbackReason":null,"requestedModeId":null,"effectiveModelId":"scripted/demo","requestedModelId":"scripted/demo","fallbackReasonCode":null},"sequence":3,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 4
                     *     data: {"type":"status","status":"planning","task_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","sequence":4,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 5
                     *     data: {"type":"plan_start","data":{"plan_id":"plan-01a22cd915487df89be2ac202d51a7f5","steps":[{"index":1,"title":"Where are pages counted from?","detail":"Where are pages counted from?"}]},"sequence":5,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 6
                     *     data: {"type":"plan","steps":[{"id":1,"label":"Where are pages counted from?","description":"Where are pages counted from?","status":"pending"}],"estimated_files":[],"is_complex":false,"sequence":6,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 7
                     *     data: {"type":"step_update","data":{"plan_id":"plan-01a22cd915487df89be2ac202d51a7f5","step_index":0,"status":"running"},"sequence":7,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 8
                     *     data: {"type":"status","status":"executing","sequence":8,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 9
                     *     data: {"type":"text","text":"Pages are counted from 1.","timestamp":1795606703100,"sequence":9,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running"}
                     *
                     *     id: 10
                     *     data: {"type":"status","status":"completed","sequence":10,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 11
                     *     data: {"type":"step_update","data":{"plan_id":"plan-01a22cd915487df89be2ac202d51a7f5","step_index":0,"status":"completed"},"sequence":11,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 12
                     *     data: {"type":"plan_complete","data":{"plan_id":"plan-01a22cd915487df89be2ac202d51a7f5"},"sequence":12,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running","timestamp":1795606703100}
                     *
                     *     id: 13
                     *     data: {"type":"generation_logged","gen_id":1795606703100,"timestamp":1795606703100,"sequence":13,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"running"}
                     *
                     *     id: 14
                     *     data: {"type":"complete","summary":{"task_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","success":true,"verdict":"done","obstacles":[],"stopped_reason":"completed","files_read":[],"files_modified":[],"files_created":[],"files_deleted":[],"files_renamed":[],"changes_complete":true,"iterations":1,"verification":"not_run","tokens":{"input":166,"output":7,"cache_read":0,"cache_write":0},"cache_hit_rate":0.0,"cost_usd":0.0,"elapsed_ms":23,"next_steps":[]},"sequence":14,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"completed","timestamp":1795606703100}
                     *
                     *     id: 15
                     *     data: {"type":"job_completed","message":"The job is done","sequence":15,"job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"completed","timestamp":1795606703100}
                     *
                     *     data: {"type":"job_terminal","job_id":"01a2127f-ea94-7bf2-8872-2cabd2fa4009","job_status":"completed","sequence":15,"timestamp":1795606703100}
                     *
                     *     data: [DONE]
                     */
                    "text/event-stream": components["schemas"]["JobStream"];
                };
            };
        };
    };
    navi_resume_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job was resumed, now or before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "started": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4003",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4003",
                     *         "kind": "job",
                     *         "status": "queued",
                     *         "phase": "queued",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": null,
                     *         "finished_at": null,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 1,
                     *         "metadata": {},
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       },
                     *       "message": "the job goes on as soon as a worker is free"
                     *     }
                     */
                    "application/json": components["schemas"]["JobMoved"];
                };
            };
        };
    };
    navi_start_job: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The job */
                job_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The job was started, now or before */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "started": true,
                     *       "job": {
                     *         "job_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *         "task_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4002",
                     *         "kind": "job",
                     *         "status": "queued",
                     *         "phase": "queued",
                     *         "task": "Clean up",
                     *         "workspace_path": "/home/ada/notes",
                     *         "conversation_id": null,
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "router_info": {
                     *           "requestedModelId": null,
                     *           "requestedModeId": null,
                     *           "effectiveModelId": "scripted/demo",
                     *           "provider": "scripted",
                     *           "model": "demo",
                     *           "wasFallback": false,
                     *           "fallbackReasonCode": null,
                     *           "fallbackReason": null,
                     *           "modelId": "scripted/demo",
                     *           "mode": null,
                     *           "task_type": "autonomous"
                     *         },
                     *         "created_at": 1795606703.1,
                     *         "updated_at": 1795606703.1,
                     *         "started_at": null,
                     *         "finished_at": null,
                     *         "pending_approval": null,
                     *         "error": null,
                     *         "last_sequence": 1,
                     *         "metadata": {},
                     *         "cancel_requested": false,
                     *         "takeovers": 0,
                     *         "summary": null
                     *       },
                     *       "message": "the job begins as soon as a worker is free"
                     *     }
                     */
                    "application/json": components["schemas"]["JobMoved"];
                };
            };
        };
    };
    do_plan: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "session_id": "01a2127f-1111-7bf2-8872-2cabd2fa409d"
                 *     }
                 */
                "application/json": components["schemas"]["NextRequest"];
            };
        };
        responses: {
            /** @description A progress report */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "assistant_message",
                     *       "content": "The work on the plan begins. It is the job `01a2127f-1111-7bf2-8872-2cabd2fa409d`.",
                     *       "final": false,
                     *       "job_id": "01a2127f-1111-7bf2-8872-2cabd2fa409d",
                     *       "job_status": "queued",
                     *       "events_url": "/api/jobs/01a2127f-1111-7bf2-8872-2cabd2fa409d/events",
                     *       "pending_approval": null,
                     *       "summary": null
                     *     }
                     */
                    "application/json": components["schemas"]["NextAnswer"];
                };
            };
        };
    };
    make_plan: {
        parameters: {
            query?: never;
            header?: {
                /** @description The request's idempotency key */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "message": "Count pages from 0",
                 *       "context": {
                 *         "workspace": {
                 *           "root": "/home/ada/notes"
                 *         },
                 *         "diagnostics": [],
                 *         "active_file": null
                 *       },
                 *       "model": "scripted/demo"
                 *     }
                 */
                "application/json": components["schemas"]["PlanRequest"];
            };
        };
        responses: {
            /** @description The plan */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "plan": {
                     *         "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400c",
                     *         "goal": "Count pages from 0",
                     *         "confidence": 0,
                     *         "steps": [
                     *           {
                     *             "id": "step_1",
                     *             "title": "Count pages from 0",
                     *             "rationale": "Count pages from 0",
                     *             "tool": null,
                     *             "status": "pending",
                     *             "requires_approval": false,
                     *             "verify": []
                     *           }
                     *         ],
                     *         "requires_approval": false,
                     *         "estimated_files": [],
                     *         "reasoning": "The answer of scripted/demo was no plan, so the whole task is one step. Nothing is done yet."
                     *       },
                     *       "reasoning": "The answer of scripted/demo was no plan, so the whole task is one step. Nothing is done yet.",
                     *       "session_id": "01a2127f-ea94-7bf2-8872-2cabd2fa400c",
                     *       "router_info": {
                     *         "requestedModelId": null,
                     *         "requestedModeId": null,
                     *         "effectiveModelId": "scripted/demo",
                     *         "provider": "scripted",
                     *         "model": "demo",
                     *         "wasFallback": false,
                     *         "fallbackReasonCode": null,
                     *         "fallbackReason": null,
                     *         "modelId": "scripted/demo",
                     *         "mode": null,
                     *         "task_type": "autonomous",
                     *         "sandbox": {
                     *           "tier": "full",
                     *           "missing": []
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["PlanAnswer"];
                };
            };
        };
    };
    answer_prompt: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description From the event `prompt_request` */
                prompt_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "response": "yes"
                 *     }
                 */
                "application/json": components["schemas"]["PromptAnswer"];
            };
        };
        responses: {
            /** @description The answer was recorded */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "prompt_id": "01a2127f-ea94-7bf2-8872-2cabd2fa4004",
                     *       "cancelled": false,
                     *       "message": "the answer was taken"
                     *     }
                     */
                    "application/json": components["schemas"]["PromptTaken"];
                };
            };
        };
    };
    scan_consent: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    scan_pause: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    scan_resume: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    scan_revoke: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    scan_run: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    scan_status: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    list_organisations: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the organisations */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "acme",
                     *         "name": "acme",
                     *         "slug": "acme",
                     *         "role": "planner"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["Organisation"][];
                };
            };
        };
    };
    create_organisation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    invite_to_organisation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    select_organisation: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "org_id": "umbrella"
                 *     }
                 */
                "application/json": components["schemas"]["Selection"];
            };
        };
        responses: {
            /** @description The organisation is the caller's */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "org_id": "acme"
                     *     }
                     */
                    "application/json": components["schemas"]["Selection"];
                };
            };
        };
    };
    post_telemetry: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "events": [
                 *         {
                 *           "type": "navi.user.interaction",
                 *           "data": {
                 *             "action": "accept",
                 *             "apiKey": "k"
                 *           },
                 *           "sessionId": "session_1"
                 *         },
                 *         {
                 *           "type": "navi.streaming.performance",
                 *           "data": {
                 *             "time_to_first_token_ms": 210
                 *           }
                 *         },
                 *         {
                 *           "type": 7
                 *         }
                 *       ],
                 *       "batchId": "batch_1764000000000_a1b2c3d"
                 *     }
                 */
                "application/json": components["schemas"]["TelemetryBatch"];
            };
        };
        responses: {
            /** @description The result of every event */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": false,
                     *       "batchId": "batch_1764000000000_a1b2c3d",
                     *       "eventsReceived": 3,
                     *       "eventsPersisted": 2,
                     *       "eventsRejected": [
                     *         {
                     *           "index": 2,
                     *           "reason": "invalid",
                     *           "detail": "`type` must be a text"
                     *         }
                     *       ],
                     *       "eventsChanged": [
                     *         {
                     *           "index": 0,
                     *           "changes": [
                     *             "redacted"
                     *           ]
                     *         }
                     *       ],
                     *       "message": "2 of 3 events are stored"
                     *     }
                     */
                    "application/json": components["schemas"]["TelemetryAnswer"];
                };
            };
        };
    };
    list_errors: {
        parameters: {
            query?: {
                /** @description Component of the last occurrence. */
                component?: string;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Page size, 1 to 100; 20 when absent. */
                limit?: number;
                /**
                 * @description Words in the type or the message, at most 200 characters: all of them, `"in a row"`, `or`,
                 *     `-without`. The last word may be a prefix.
                 */
                q?: string;
                /** @description Severity of the last occurrence. */
                severity?: string;
                /** @description Earliest last occurrence, RFC 3339. */
                since?: string;
                /** @description Order, largest first. */
                sort?: "last_seen" | "occurrences";
                /** @description Reporter. */
                source?: "client" | "server" | "run";
                /** @description Status; open and regressed groups when absent. */
                status?: "unresolved" | "open" | "resolved" | "regressed" | "all";
                /** @description Version of the first or last occurrence. */
                version?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "errors": [
                     *         {
                     *           "id": 1,
                     *           "fingerprint": "9f86d081884c…",
                     *           "explained": {
                     *             "version": 2,
                     *             "type": "RenderError",
                     *             "message": "render failed after <n> ms",
                     *             "frames": [
                     *               "render (chat.js)"
                     *             ]
                     *           },
                     *           "error_type": "RenderError",
                     *           "message": "render failed after 12 ms",
                     *           "severity": "error",
                     *           "component": "chat",
                     *           "source": "client",
                     *           "first_seen": "2026-11-25T09:00:00Z",
                     *           "last_seen": "2026-11-25T09:00:00Z",
                     *           "first_version": "1.1.0",
                     *           "last_version": "1.2.0",
                     *           "occurrences": 2,
                     *           "affected_users": 1,
                     *           "status": "open",
                     *           "resolved_at": null,
                     *           "resolved_by": null,
                     *           "resolution_notes": null,
                     *           "regressed_at": null,
                     *           "regressions": 0,
                     *           "trend": {
                     *             "hours": [
                     *               0,
                     *               0
                     *             ],
                     *             "days": [
                     *               0,
                     *               0
                     *             ]
                     *           }
                     *         }
                     *       ],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["ErrorPage"];
                };
            };
        };
    };
    get_error: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The group */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The group */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 1,
                     *       "fingerprint": "9f86d081884c…",
                     *       "explained": {
                     *         "version": 2,
                     *         "type": "RenderError",
                     *         "message": "render failed after <n> ms",
                     *         "frames": [
                     *           "render (chat.js)"
                     *         ]
                     *       },
                     *       "error_type": "RenderError",
                     *       "message": "render failed after 12 ms",
                     *       "severity": "error",
                     *       "component": "chat",
                     *       "source": "client",
                     *       "first_seen": "2026-11-25T09:00:00Z",
                     *       "last_seen": "2026-11-25T09:00:00Z",
                     *       "first_version": "1.1.0",
                     *       "last_version": "1.2.0",
                     *       "occurrences": 2,
                     *       "affected_users": 1,
                     *       "status": "open",
                     *       "resolved_at": null,
                     *       "resolved_by": null,
                     *       "resolution_notes": null,
                     *       "regressed_at": null,
                     *       "regressions": 0,
                     *       "trend": {
                     *         "hours": [
                     *           0,
                     *           0
                     *         ],
                     *         "days": [
                     *           0,
                     *           0
                     *         ]
                     *       },
                     *       "latest": [
                     *         {
                     *           "id": 2,
                     *           "received_at": "2026-11-25T09:00:00Z",
                     *           "occurred_at": "2026-11-25T09:00:00Z",
                     *           "message": "render failed after 12 ms",
                     *           "stack": "RenderError: render failed after 12 ms\n    at render (chat.js:10:4)",
                     *           "user_id": null,
                     *           "session_id": "tab-1",
                     *           "version": "1.2.0",
                     *           "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                     *           "run_id": null
                     *         },
                     *         {
                     *           "id": 1,
                     *           "received_at": "2026-11-25T09:00:00Z",
                     *           "occurred_at": "2026-11-25T09:00:00Z",
                     *           "message": "render failed after 12 ms",
                     *           "stack": "RenderError: render failed after 12 ms\n    at render (chat.js:10:4)",
                     *           "user_id": null,
                     *           "session_id": "tab-1",
                     *           "version": "1.2.0",
                     *           "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
                     *           "run_id": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ErrorDetail"];
                };
            };
        };
    };
    resolve_error: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The group */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "notes": "fixed in 1.3.0"
                 *     }
                 */
                "application/json": components["schemas"]["ResolveError"] | null;
            };
        };
        responses: {
            /** @description The group after the change */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 1,
                     *       "fingerprint": "9f86d081884c…",
                     *       "explained": {
                     *         "version": 2,
                     *         "type": "RenderError",
                     *         "message": "render failed after <n> ms",
                     *         "frames": [
                     *           "render (chat.js)"
                     *         ]
                     *       },
                     *       "error_type": "RenderError",
                     *       "message": "render failed after 12 ms",
                     *       "severity": "error",
                     *       "component": "chat",
                     *       "source": "client",
                     *       "first_seen": "2026-11-25T09:00:00Z",
                     *       "last_seen": "2026-11-25T09:00:00Z",
                     *       "first_version": "1.1.0",
                     *       "last_version": "1.2.0",
                     *       "occurrences": 2,
                     *       "affected_users": 1,
                     *       "status": "resolved",
                     *       "resolved_at": "2026-11-25T09:00:00Z",
                     *       "resolved_by": "ada",
                     *       "resolution_notes": null,
                     *       "regressed_at": null,
                     *       "regressions": 0,
                     *       "trend": {
                     *         "hours": [
                     *           0,
                     *           0
                     *         ],
                     *         "days": [
                     *           0,
                     *           0
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ErrorGroup"];
                };
            };
        };
    };
    get_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Telemetry is accepted */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "service": "telemetry"
                     *     }
                     */
                    "application/json": components["schemas"]["TelemetryHealth"];
                };
            };
        };
    };
    get_performance: {
        parameters: {
            query?: {
                /** @description Length of the periods: hours, 744 at most, or days in UTC, 400 at most. */
                by?: "hour" | "day";
                /** @description Metric. */
                metric?: string;
                /** @description Start of the range, RFC 3339; the last 24 hours or 14 days when absent. */
                since?: string;
                /** @description End of the range, RFC 3339; now when absent. */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The distributions */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "by": "hour",
                     *       "metrics": [
                     *         {
                     *           "name": "chat.render",
                     *           "unit": "ms",
                     *           "points": [
                     *             {
                     *               "time": "2026-11-25T09:00:00Z",
                     *               "samples": 4,
                     *               "p50": 100,
                     *               "p95": 100,
                     *               "p99": 100,
                     *               "min": 100,
                     *               "max": 100,
                     *               "avg": 100
                     *             }
                     *           ]
                     *         }
                     *       ],
                     *       "left_out": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Performance"];
                };
            };
        };
    };
    get_rates: {
        parameters: {
            query?: {
                /** @description Length of the periods: hours, 744 at most, or days in UTC, 400 at most. */
                by?: "hour" | "day";
                /** @description Start of the range, RFC 3339; the last 24 hours or 14 days when absent. */
                since?: string;
                /** @description Event type. */
                type?: string;
                /** @description End of the range, RFC 3339; now when absent. */
                until?: string;
                /** @description Version of the client; empty for unknown versions. */
                version?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rates */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "by": "hour",
                     *       "times": [
                     *         "2026-11-25T09:00:00Z",
                     *         "2026-11-25T09:00:00Z"
                     *       ],
                     *       "series": [
                     *         {
                     *           "type": "navi.error",
                     *           "version": "1.2.0",
                     *           "events": 2,
                     *           "counts": [
                     *             0,
                     *             0
                     *           ]
                     *         }
                     *       ],
                     *       "left_out": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Rates"];
                };
            };
        };
    };
    list_webhooks: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them, oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "webhooks": [
                     *         {
                     *           "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400d",
                     *           "url": "https://hooks.example.com/navi",
                     *           "format": "standard",
                     *           "events": [
                     *             "run.failed"
                     *           ],
                     *           "description": null,
                     *           "state": "enabled",
                     *           "created_at": "2026-11-25T09:00:00Z",
                     *           "last_attempt_at": null,
                     *           "last_delivery_at": null,
                     *           "last_error": null,
                     *           "failures": 0,
                     *           "pending": 0,
                     *           "dead": 0
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["WebhooksView"];
                };
            };
        };
    };
    create_webhook: {
        parameters: {
            query?: never;
            header?: {
                /** @description Of 1 to 255 ASCII characters; a repetition is answered without the secret */
                "Idempotency-Key"?: string | null;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://hooks.acme.example/navi",
                 *       "events": [
                 *         "approval.requested"
                 *       ],
                 *       "description": "On call"
                 *     }
                 */
                "application/json": components["schemas"]["CreateWebhook"];
            };
        };
        responses: {
            /** @description The webhook was created */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "webhook": {
                     *         "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400d",
                     *         "url": "https://hooks.example.com/navi",
                     *         "format": "standard",
                     *         "events": [
                     *           "run.failed"
                     *         ],
                     *         "description": null,
                     *         "state": "enabled",
                     *         "created_at": "2026-11-25T09:00:00Z",
                     *         "last_attempt_at": null,
                     *         "last_delivery_at": null,
                     *         "last_error": null,
                     *         "failures": 0,
                     *         "pending": 0,
                     *         "dead": 0
                     *       },
                     *       "secret": "whsec_…"
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedWebhookView"];
                };
            };
        };
    };
    delete_webhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The webhook */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhook was deleted */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    list_deliveries: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description Page size, 1 to 100; 50 when absent. */
                limit?: number;
                /** @description State; any when absent. `dead` lists what was given up. */
                state?: "pending" | "delivered" | "dead";
            };
            header?: never;
            path: {
                /** @description The webhook */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "deliveries": [],
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveriesView"];
                };
            };
        };
    };
    retry_delivery: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The delivery */
                delivery_id: string;
                /** @description The webhook */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The delivery will be sent again */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "01a2127f-ea94-7bf2-8872-2cabd2fa400e",
                     *       "type": "run.failed",
                     *       "data": {},
                     *       "state": "pending",
                     *       "attempts": 0,
                     *       "next_attempt_at": "2026-11-25T09:00:00Z",
                     *       "last_attempt_at": "2026-11-25T09:00:00Z",
                     *       "last_error": "the receiver answered 503",
                     *       "delivered_at": null,
                     *       "created_at": "2026-11-25T09:00:00Z"
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveryView"];
                };
            };
        };
    };
    get_docs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example <!doctype html>
                     *     <html lang="en">
                     *     <head>
                     *     <meta charset="utf-8">
                     *     <meta name="viewport" content="width=device-width, initial-scale=1">
                     *     <title>NAVI API</title>
                     *     <link rel="icon" href="data:,">
                     *     <link rel="stylesheet" href="docs/swagger-ui-e41035a14ea8be17.css">
                     *     </head>
                     *     <body>
                     *     <div id="api"></div>
                     *     <noscript>This page needs JavaScript. <a href="openapi.json">The description of the API</a> does not.</noscript>
                     *     <script src="docs/swagger-ui-942e6424651db3a0.js"></script>
                     *     <script src="docs/start-68be3ac7751096f7.js"></script>
                     *     </body>
                     *     </html>
                     */
                    "text/html": string;
                };
            };
        };
    };
    get_docs_file: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the name, as the page has it */
                file: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the file, with gzip where the client accepts it */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example .swagger-ui{color:#3b4151;container-name:swagger-ui;container-type:inline-size;/… */
                    "text/css": string;
                    /**
                     * @example // Everything that would ask another host is off: `validatorUrl` is one by default.
                     *     SwaggerUIBundle({
                     *         url: "openapi.json",
                     *         dom_id: "#api",
                     *         deepLinking: true,
                     *         docExpansion: "list",
                     *         filter: true,
                     *         persistAuthorization: false,
                     *         validatorUrl: null,
                     *     });
                     */
                    "text/javascript": string;
                };
            };
        };
    };
    navi_get_health: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the process runs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "service": "navi"
                     *     }
                     */
                    "application/json": components["schemas"]["Status"];
                };
            };
        };
    };
    get_health_fast: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the process runs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "service": "navi"
                     *     }
                     */
                    "application/json": components["schemas"]["Status"];
                };
            };
        };
    };
    get_live: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the process runs */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ok": true,
                     *       "checks": [
                     *         {
                     *           "name": "self",
                     *           "ok": true,
                     *           "latency_ms": 0,
                     *           "detail": "ok"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["HealthReport"];
                };
            };
        };
    };
    get_ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description ready */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ok": true,
                     *       "checks": [
                     *         {
                     *           "name": "self",
                     *           "ok": true,
                     *           "latency_ms": 0,
                     *           "detail": "ok"
                     *         },
                     *         {
                     *           "name": "database",
                     *           "ok": true,
                     *           "latency_ms": 0,
                     *           "detail": "ok"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["HealthReport"];
                };
            };
        };
    };
    get_startup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description started */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ok": true,
                     *       "checks": [
                     *         {
                     *           "name": "self",
                     *           "ok": true,
                     *           "latency_ms": 0,
                     *           "detail": "started"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["HealthReport"];
                };
            };
        };
    };
    get_metrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description metrics in the Prometheus text format, version 0.0.4 */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example # HELP http_requests_total HTTP requests, by route template.
                     *     # TYPE http_requests_total counter
                     *     http_requests_total{method="DELETE",path="/api/connectors/{provider}",status="204"} 0
                     *     …
                     */
                    "text/plain": string;
                };
            };
        };
    };
    get_openapi: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the OpenAPI 3.1 document */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "openapi": "3.1.0",
                     *       "info": {
                     *         "title": "NAVI",
                     *         "version": "0.1.0"
                     *       },
                     *       "paths": {},
                     *       "components": {}
                     *     }
                     */
                    "application/json": unknown;
                };
            };
        };
    };
    get_ping: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description the text `pong` */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example pong */
                    "text/plain": string;
                };
            };
        };
    };
    get_version: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description name, environment and version */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "navi",
                     *       "env": "development",
                     *       "version": "0.1.0"
                     *     }
                     */
                    "application/json": components["schemas"]["Version"];
                };
            };
        };
    };
}
